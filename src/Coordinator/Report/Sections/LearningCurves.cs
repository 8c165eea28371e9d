using System.Text;
using Volley.Coordinator.Report.Plots;
using Volley.Coordinator.Results;
using Volley.Shared.Results;

namespace Volley.Coordinator.Report.Sections;

/// <summary>What was measured after each epoch, one line per trial.</summary>
internal static class LearningCurves
{
    // Beyond these a page takes seconds to open; lines keep their pointers, points lose theirs.
    private const int MostCurves = 200;
    private const int MostPoints = 5000;

    private static readonly (string Metric, string Title, Func<EpochMetrics, double?> Value)[] Curves =
    [
        ("val_accuracy", "validation accuracy", epoch => epoch.Validation?.Accuracy),
        ("val_map", "validation mAP", epoch => epoch.Validation?.Map),
        ("val_loss", "validation loss", epoch => epoch.Validation?.Loss),
        ("train_loss", "training loss", epoch => epoch.TrainLoss),
        ("train_accuracy", "training accuracy", epoch => epoch.TrainAccuracy),
        ("val_firing_rate", "firing rate", epoch => epoch.Validation?.FiringRate),
    ];

    public static void Append(StringBuilder page, ReportData data)
    {
        // Best last: drawn on top. Trials that did not finish come first.
        var trials = data.Board.Rows.Select(row => row.Trial).Where(trial => trial.Epochs.Count > 0).Take(MostCurves).Reverse().ToList();
        if (trials.Count == 0) return;
        var with = data.Board.Rows.Count(row => row.Trial.Epochs.Count > 0);
        page.Append("<section>\n<h2>Learning curves</h2>\n");
        page.Append($"<p class=\"caption\">One line per trial, coloured by model; the best trial's is thicker{(with > MostCurves ? $"; the best {MostCurves} of {with}" : "")}. Dashed: failed or stopped.</p>\n<div class=\"plots\">\n");
        foreach (var curve in Curves.Where(curve => trials.Any(trial => trial.Epochs.Any(epoch => curve.Value(epoch) is not null))))
            page.Append($"<figure>{Draw(data, trials, curve.Metric, curve.Title, curve.Value)}</figure>\n");
        page.Append("</div>\n</section>\n");
    }

    private static string Draw(ReportData data, IReadOnlyList<TrialResult> trials, string metric, string title, Func<EpochMetrics, double?> value)
    {
        var values = trials.SelectMany(trial => trial.Epochs).Select(epoch => value(epoch)).OfType<double>();
        var plot = new Plot(
            new LinearAxis("epoch", trials.SelectMany(trial => trial.Epochs).Min(epoch => epoch.Epoch) - 0.3, Math.Max(2, trials.SelectMany(trial => trial.Epochs).Max(epoch => epoch.Epoch)) + 0.3, EpochText),
            Axis.Around(title, values, number => MetricText.Tick(metric, number)));
        foreach (var trial in trials)
        {
            var model = data.ModelOf(trial);
            var style = $"{Palette.Class(model)}{(trial == data.Board.Best?.Trial ? " strong" : "")}{(trial.IsFinished ? "" : " dashed")}";
            plot.Line(trial.Epochs.Select(epoch => ((double)epoch.Epoch, value(epoch) ?? double.NaN)), style, data.TipOf(trial), model);
        }
        if (trials.Sum(trial => trial.Epochs.Count) <= MostPoints)
            foreach (var trial in trials)
                foreach (var epoch in trial.Epochs)
                    if (value(epoch) is { } number)
                        plot.Hover(epoch.Epoch, number, data.ModelOf(trial), $"{trial.Model} · trial {trial.Number}\nepoch {epoch.Epoch}\n{title}: {MetricText.Of(metric, number)}");
        return plot.Svg($"{title} by epoch");
    }

    private static string EpochText(double epoch) => epoch == Math.Round(epoch) ? epoch.ToString("0") : "";
}
