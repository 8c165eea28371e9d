using System.Globalization;
using System.Text;
using Volley.Coordinator.Results;
using Volley.Shared.Results;

namespace Volley.Coordinator.Report.Sections;

/// <summary>Every trial with all that was measured of it; a click on a column sorts by it.</summary>
internal static class LeaderboardSection
{
    private static readonly string[] Order =
    [
        "val_accuracy", "val_top5", "val_map", "val_f1", "val_loss", "test_accuracy", "test_top5", "test_map", "test_f1", "test_loss",
        "energy_pj", "macs", "synaptic_operations", "spike_sparsity", "parameters", "latency_ms_p50", "latency_ms_p95",
        "inference_images_per_second", "train_images_per_second", "best_epoch",
    ];

    public static void Append(StringBuilder page, ReportData data)
    {
        var metrics = Order.Where(metric => data.Results.Trials.Any(trial => trial.Find(metric) is not null)).ToList();
        page.Append("<section>\n<h2>Leaderboard</h2>\n");
        page.Append($"<p class=\"caption\">In the order of {Html.Text(string.Join(", then ", data.Results.Objectives.Take(1).Select(objective => $"{MetricText.Label(objective.Metric)} ({objective.Goal})")))}{(data.Results.Objectives.Count > 1 ? "; ◆ marks the Pareto front of all objectives" : "")}. Click a column to sort.</p>\n");
        page.Append("<div class=\"scroll\"><table class=\"sortable\">\n<thead><tr>");
        foreach (var (title, isNumber) in Titles(metrics))
            page.Append($"<th{(isNumber ? " class=\"number\"" : "")} tabindex=\"0\" role=\"button\">{Html.Text(title)}</th>");
        page.Append("</tr></thead>\n<tbody>\n");
        foreach (var row in data.Board.Rows) Row(page, data, row, metrics);
        page.Append("</tbody></table></div>\n</section>\n");
    }

    private static IEnumerable<(string Title, bool IsNumber)> Titles(List<string> metrics) =>
    [
        ("#", true), ("trial", true), ("model", false), ("hyperparameters", false),
        .. metrics.Select(metric => (MetricText.Label(metric), true)),
        ("time", true), ("attempts", true), ("state", false), ("weights", false),
    ];

    private static void Row(StringBuilder page, ReportData data, LeaderboardRow row, List<string> metrics)
    {
        var trial = row.Trial;
        page.Append($"<tr data-model=\"{data.ModelOf(trial)}\"{(row.Rank == 1 ? " class=\"winner\"" : "")}>");
        Cell(row.Rank, row.Rank is { } rank ? $"{rank}{(row.IsOnFront ? " ◆" : "")}" : "–");
        Cell(trial.Number, trial.Number.ToString(CultureInfo.InvariantCulture));
        page.Append($"<td>{Html.Text(trial.Model)}</td><td class=\"wide\">{Html.Text(LeaderboardTable.HyperparametersOf(trial))}</td>");
        foreach (var metric in metrics) Cell(trial.Find(metric), MetricText.Of(metric, trial.Find(metric)));
        Cell(trial.DurationSeconds, MetricText.Duration(TimeSpan.FromSeconds(trial.DurationSeconds)));
        Cell(trial.Attempts, trial.Attempts.ToString(CultureInfo.InvariantCulture));
        page.Append($"<td class=\"{(trial.State == TrialEndState.Failed ? "failed" : "")}\">{trial.State.ToString().ToLowerInvariant()}</td>");
        page.Append($"<td class=\"hash\" title=\"{Html.Text(trial.WeightsSha256 ?? "")}\">{Html.Text(Short(trial.WeightsSha256))}</td></tr>\n");

        void Cell(double? value, string text) =>
            page.Append($"<td class=\"number\" data-value=\"{(value is { } number && double.IsFinite(number) ? number.ToString("R", CultureInfo.InvariantCulture) : "")}\">{Html.Text(text)}</td>");
    }

    private static string Short(string? hash) => hash is null ? "–" : hash[..Math.Min(10, hash.Length)];
}
