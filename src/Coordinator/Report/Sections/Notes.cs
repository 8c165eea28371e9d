using System.Text;
using Volley.Shared.ModelCosts;
using Volley.Shared.Results;

namespace Volley.Coordinator.Report.Sections;

/// <summary>What a reader must know to believe the figures: data, split, formula, machine, digest; and what went wrong.</summary>
internal static class Notes
{
    public static void Append(StringBuilder page, ReportData data)
    {
        var results = data.Results;
        page.Append("<section class=\"notes\">\n<h2>How to read this</h2>\n<dl>\n");
        foreach (var set in results.Trials.Select(trial => trial.Data).OfType<DataDescription>().Distinct())
        {
            Entry(page, "Data", $"{set.Source} ({set.Name}): {set.TrainImages:N0} training, {set.ValidationImages:N0} validation, {set.TestImages:N0} test images. SHA-256 of the prepared images: {set.Digest}");
            Entry(page, "Split", set.Split);
        }
        Entry(page, "Selection", results.Trials.Any(trial => trial.Config.Train.Dataset.Split == "reference")
            ? "split: reference — trained on the whole training set, and the best is chosen on the test set, as the papers do. Such figures are optimistic."
            : "Search, early stopping and the best epoch see the validation part only. The test set is evaluated once per finished trial.");
        Entry(page, "Energy", EnergyAccounting.Formula + ". Firing rates are measured on the evaluated images; an estimate of arithmetic, without memory traffic.");
        Entry(page, "MACs", "Multiply-accumulates of one image, dense, over all time steps.");
        Entry(page, "Latency", "Of inference on the device below, batch 1 where not said otherwise; it depends on the machine and what else ran on it, and is no part of the digest.");
        foreach (var fingerprint in results.Trials.Select(trial => trial.NumericsFingerprint).Where(text => text.Length > 0).Distinct())
            Entry(page, "Numerics", fingerprint + ": where the same seed gives the same bits.");
        Entry(page, "results_digest", results.ResultsDigest);
        Entry(page, "Compare", "volley results diff THIS-DIRECTORY ANOTHER says where two runs differ.");
        foreach (var trial in results.Trials.Where(trial => trial.Error is not null))
            Entry(page, $"Trial {trial.Number} {trial.State.ToString().ToLowerInvariant()}", trial.Error!);
        page.Append("</dl>\n</section>\n");
    }

    private static void Entry(StringBuilder page, string term, string text) =>
        page.Append($"<dt>{Html.Text(term)}</dt><dd>{Html.Text(text)}</dd>\n");
}
