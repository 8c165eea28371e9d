using System.Text;
using Volley.Coordinator.Results;
using Volley.Shared.Results;

namespace Volley.Coordinator.Report.Sections;

/// <summary>Title, the figures that one looks for first, and the best trial of each model side by side.</summary>
internal static class Overview
{
    private static readonly string[] Compared =
        ["val_accuracy", "val_map", "test_accuracy", "test_map", "test_top5", "parameters", "macs", "energy_pj", "spike_sparsity", "latency_ms_p50", "train_images_per_second"];

    public static void Append(StringBuilder page, ReportData data)
    {
        var results = data.Results;
        page.Append($"<header>\n<p class=\"kicker\">Volley sweep</p>\n<h1>{Html.Text(results.Name)}</h1>\n<p class=\"lede\">{Html.Text(Lede(data))}</p>\n</header>\n");
        page.Append("<section class=\"tiles\" aria-label=\"key figures\">\n");
        if (data.Board.Best?.Trial is { } best)
        {
            Tile(page, $"best {MetricText.Label(data.Objective)}", MetricText.Of(data.Objective, best.Find(data.Objective)), $"{best.Model}, trial {best.Number}");
            // Of the trial that validation chose: the best test figure of all trials would be a choice made on the test set.
            if (data.Quality != data.Objective) Tile(page, $"its {MetricText.Label(data.Quality)}", MetricText.Of(data.Quality, best.Find(data.Quality)), $"{best.Model}, trial {best.Number}");
            Tile(page, "least energy per image", MetricText.Of("energy_pj", data.Finished.Min(trial => trial.Find("energy_pj"))), Least(data, "energy_pj"));
            if (data.Finished.Any(trial => trial.Find("latency_ms_p50") is not null))
                Tile(page, "lowest latency", MetricText.Of("latency_ms_p50", data.Finished.Min(trial => trial.Find("latency_ms_p50"))), Least(data, "latency_ms_p50"));
        }
        Tile(page, "trials finished", $"{results.Trials.Count(trial => trial.IsFinished)} of {results.Trials.Count}", TrainingTime(results));
        page.Append("</section>\n");
        if (data.Finished.Count > 0) Comparison(page, data);
    }

    private static void Comparison(StringBuilder page, ReportData data)
    {
        var best = data.BestOfEachModel.ToList();
        var metrics = Compared.Where(metric => best.Any(trial => trial.Find(metric) is not null)).ToList();
        page.Append("<section>\n<h2>The best of each model</h2>\n<div class=\"scroll\"><table>\n<thead><tr><th>model</th><th>trial</th>");
        foreach (var metric in metrics) page.Append($"<th class=\"number\">{Html.Text(MetricText.Label(metric))}</th>");
        page.Append("</tr></thead>\n<tbody>\n");
        foreach (var trial in best)
        {
            page.Append($"<tr data-model=\"{data.ModelOf(trial)}\"><td>{Html.Text(trial.Model)}</td><td>{trial.Number}</td>");
            foreach (var metric in metrics)
            {
                var isBest = best.Count > 1 && IsBest(trial.Find(metric), best.Select(other => other.Find(metric)), metric);
                page.Append($"<td class=\"number{(isBest ? " best" : "")}\">{Html.Text(MetricText.Of(metric, trial.Find(metric)))}</td>");
            }
            page.Append("</tr>\n");
        }
        page.Append("</tbody></table></div>\n</section>\n");
    }

    private static bool IsBest(double? value, IEnumerable<double?> all, string metric)
    {
        if (value is null) return false;
        var isLargest = MetricText.Kind(metric) == MetricKind.Ratio || metric == "train_images_per_second";
        var known = all.OfType<double>().ToList();
        return value == (isLargest ? known.Max() : known.Min()) && known.Count(other => other == value) == 1;
    }

    private static string Lede(ReportData data)
    {
        var results = data.Results;
        var sets = results.Trials.Select(trial => trial.Data?.Source).OfType<string>().Distinct().ToList();
        if (sets.Count == 0) sets = [.. results.Trials.Select(trial => trial.Config.Train.Dataset.Name).Distinct()];
        return $"{results.Trials.Count} trials of {Join(data.Models)} on {Join(sets)}; {results.SearchAlgorithm} search, seed {results.Seed}.";
    }

    private static string Least(ReportData data, string metric) =>
        data.Finished.Where(trial => trial.Find(metric) is not null).MinBy(trial => trial.Find(metric)) is { } least ? $"{least.Model}, trial {least.Number}" : "";

    private static string TrainingTime(SweepResults results) =>
        "training time in all: " + MetricText.Duration(TimeSpan.FromSeconds(results.Trials.Sum(trial => trial.DurationSeconds)));

    private static string Join(IReadOnlyList<string> words) => words.Count switch
    {
        0 => "nothing",
        1 => words[0],
        _ => string.Join(", ", words.Take(words.Count - 1)) + " and " + words[^1],
    };

    private static void Tile(StringBuilder page, string label, string value, string note) =>
        page.Append($"<div class=\"tile\"><span class=\"label\">{Html.Text(label)}</span><span class=\"value\">{Html.Text(value)}</span><span class=\"note\">{Html.Text(note)}</span></div>\n");
}
