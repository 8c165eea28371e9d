using Volley.Coordinator.Results;

namespace Volley.Coordinator.Report.Sections;

/// <summary>Numbers beside an axis: shorter than in tables.</summary>
internal static class TickText
{
    public static string Of(string metric, double value) =>
        MetricText.Kind(metric) == MetricKind.Ratio ? MetricText.Significant(value * 100) + " %" : MetricText.Of(metric, value);
}
