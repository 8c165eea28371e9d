using System.Globalization;
using System.Text;
using Volley.Coordinator.Report.Plots;
using Volley.Coordinator.Results;
using Volley.Shared.Determinism;
using Volley.Shared.Results;

namespace Volley.Coordinator.Report.Sections;

/// <summary>One small diagram per hyperparameter: its value against the objective.</summary>
internal static class HyperparameterPlots
{
    // Numbers over more than this ratio were searched, and are read, by their order of magnitude.
    private const double LogRatio = 20;

    // Fraction of a category's width over which its dots are spread, so that equal values do not hide one another.
    private const double Spread = 0.35;

    public static void Append(StringBuilder page, ReportData data)
    {
        var keys = data.Finished.SelectMany(trial => trial.Hyperparameters.Choices.Select(choice => choice.Key)).Distinct()
            .Where(key => data.Finished.Select(trial => trial.Hyperparameters.Find(key)).OfType<string>().Distinct().Count() > 1)
            .ToList();
        if (keys.Count == 0) return;
        page.Append($"<section>\n<h2>Hyperparameters against {Html.Text(MetricText.Label(data.Objective))}</h2>\n");
        page.Append("<p class=\"caption\">Only what the search varied. A hyperparameter of one model shows that model's trials.</p>\n<div class=\"plots\">\n");
        foreach (var key in keys) page.Append($"<figure>{Draw(data, key)}</figure>\n");
        page.Append("</div>\n</section>\n");
    }

    private static string Draw(ReportData data, string key)
    {
        var trials = data.Finished.Where(trial => trial.Hyperparameters.Find(key) is not null).ToList();
        var texts = trials.Select(trial => trial.Hyperparameters.Find(key)!).Distinct().ToList();
        var y = Axis.Around(MetricText.Label(data.Objective), trials.Select(trial => trial.Find(data.Objective)!.Value), value => MetricText.Tick(data.Objective, value));
        var numbers = texts.Select(Number).ToList();
        var areNumbers = numbers.All(number => number is not null);
        if (areNumbers) texts = [.. texts.OrderBy(Number)];

        // A handful of values are places on an axis, not distances.
        if (!areNumbers || texts.Count <= 6)
        {
            var plot = new Plot(new CategoryAxis(key, texts), y, height: 260);
            foreach (var trial in Enumerable.Reverse(trials))
                plot.Dot(texts.IndexOf(trial.Hyperparameters.Find(key)!) + Jitter(trial), trial.Find(data.Objective)!.Value, data.ModelOf(trial), data.TipOf(trial));
            return plot.Svg($"{key} against {data.Objective}");
        }
        var isLog = numbers.Min() > 0 && numbers.Max() / numbers.Min() >= LogRatio;
        var scatter = new Plot(Axis.Around(key, numbers.OfType<double>(), value => MetricText.Significant(value, 3), isLog), y, height: 260);
        foreach (var trial in Enumerable.Reverse(trials))
            scatter.Dot(Number(trial.Hyperparameters.Find(key)!)!.Value, trial.Find(data.Objective)!.Value, data.ModelOf(trial), data.TipOf(trial));
        return scatter.Svg($"{key} against {data.Objective}");
    }

    /// <summary>The same in every report of the same results.</summary>
    private static double Jitter(TrialResult trial) => (KeyedRandom.For(0, "report", trial.Number).NextDouble() - 0.5) * Spread;

    private static double? Number(string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) ? number : null;
}
