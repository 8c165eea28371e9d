using System.Text;
using Volley.Coordinator.Report.Plots;
using Volley.Coordinator.Results;

namespace Volley.Coordinator.Report.Sections;

/// <summary>Quality against what it costs: energy, MACs, latency; with the front beyond which one is only had for the other.</summary>
internal static class TradeOffs
{
    // With more, words hide the dots; the pointer tells them apart.
    private const int MostLabelled = 14;

    private static readonly (string Metric, string Title)[] Costs =
    [
        ("energy_pj", "energy per image"),
        ("macs", "multiply-accumulates per image (dense)"),
        ("latency_ms_p50", "latency, batch 1, median"),
    ];

    public static void Append(StringBuilder page, ReportData data)
    {
        var shown = Costs.Where(cost => data.Finished.Any(trial => trial.Find(cost.Metric) > 0)).ToList();
        if (shown.Count == 0) return;
        page.Append($"<section>\n<h2>{Html.Text(Capital(MetricText.Label(data.Quality)))} against its cost</h2>\n");
        page.Append("<p class=\"caption\">Each mark is a finished trial; up and to the left is better. The line is the Pareto front: no trial is both better and cheaper. Cost axes are logarithmic.</p>\n<div class=\"plots\">\n");
        foreach (var (metric, title) in shown) page.Append($"<figure>{Draw(data, metric, title)}</figure>\n");
        page.Append("</div>\n</section>\n");
    }

    private static string Draw(ReportData data, string cost, string title)
    {
        var trials = data.Finished.Where(trial => trial.Find(cost) is > 0 && trial.Find(data.Quality) is { } quality && double.IsFinite(quality)).ToList();
        var points = trials.Select(trial => (X: trial.Find(cost)!.Value, Y: trial.Find(data.Quality)!.Value)).ToList();
        var plot = new Plot(
            Axis.Around(title, points.Select(point => point.X), value => MetricText.Tick(cost, value), isLog: true),
            Axis.Around(MetricText.Label(data.Quality), points.Select(point => point.Y), value => MetricText.Tick(data.Quality, value)));
        plot.Front(FrontOf(points));
        // The best is drawn last, on top.
        for (var i = trials.Count - 1; i >= 0; i--) plot.Dot(points[i].X, points[i].Y, data.ModelOf(trials[i]), data.TipOf(trials[i], cost));
        var labelled = trials.Count <= MostLabelled ? trials : [.. data.BestOfEachModel.Where(trials.Contains)];
        foreach (var trial in labelled) plot.Label(trial.Find(cost)!.Value, trial.Find(data.Quality)!.Value, trial.Model, data.ModelOf(trial));
        return plot.Svg($"{MetricText.Label(data.Quality)} against {title}");
    }

    /// <summary>Points that no other one beats in both, by rising cost.</summary>
    public static IReadOnlyList<(double X, double Y)> FrontOf(IEnumerable<(double X, double Y)> points)
    {
        var front = new List<(double X, double Y)>();
        foreach (var point in points.OrderBy(point => point.X).ThenByDescending(point => point.Y))
            if (front.Count == 0 || point.Y > front[^1].Y) front.Add(point);
        return front;
    }

    private static string Capital(string text) => char.ToUpperInvariant(text[0]) + text[1..];
}
