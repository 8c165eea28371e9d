using System.Globalization;

namespace Volley.Coordinator.Results;

/// <summary>Metrics for people: names without underscores, numbers with a unit and no more digits than they mean.</summary>
internal static class MetricText
{
    private static readonly string[] Large = ["", " k", " M", " G", " T", " P"];

    /// <returns>For example "val accuracy", "energy", "latency p50".</returns>
    public static string Label(string metric) => metric switch
    {
        "energy_pj" => "energy",
        "macs" => "MACs",
        "latency_ms_p50" => "latency p50",
        "latency_ms_p95" => "latency p95",
        "val_map" => "val mAP",
        "test_map" => "test mAP",
        "val_f1" => "val F1",
        "test_f1" => "test F1",
        "val_top5" => "val top-5",
        "test_top5" => "test top-5",
        _ => metric.Replace('_', ' '),
    };

    /// <returns>For tables: zeros at the end, so that columns line up. "–" where there is no value.</returns>
    public static string Of(string metric, double? value) => value is not { } number ? "–"
        : Kind(metric) == MetricKind.Ratio && double.IsFinite(number) ? (number * 100).ToString("0.00", CultureInfo.InvariantCulture) + " %"
        : Text(metric, number, Fixed);

    /// <returns>For the side of an axis: no more digits than needed.</returns>
    public static string Tick(string metric, double value) => Text(metric, value, Significant);

    private static string Text(string metric, double value, Func<double, int, string> digits) => Kind(metric) switch
    {
        _ when !double.IsFinite(value) => value.ToString(CultureInfo.InvariantCulture),
        MetricKind.Ratio => digits(value * 100, 3) + " %",
        MetricKind.Energy => Energy(value, digits),
        MetricKind.Count => Count(value, digits),
        MetricKind.Milliseconds => digits(value, 3) + " ms",
        MetricKind.Seconds => Duration(TimeSpan.FromSeconds(value)),
        _ => digits(value, 4),
    };

    public static MetricKind Kind(string metric)
    {
        if (metric.EndsWith("_accuracy", StringComparison.Ordinal) || metric.EndsWith("_top5", StringComparison.Ordinal)
            || metric.EndsWith("_map", StringComparison.Ordinal) || metric.EndsWith("_f1", StringComparison.Ordinal)
            || metric.EndsWith("_rate", StringComparison.Ordinal) || metric == "spike_sparsity") return MetricKind.Ratio;
        if (metric == "energy_pj") return MetricKind.Energy;
        if (metric.Contains("_ms_", StringComparison.Ordinal)) return MetricKind.Milliseconds;
        if (metric.EndsWith("_seconds", StringComparison.Ordinal)) return MetricKind.Seconds;
        return metric is "macs" or "parameters" or "synaptic_operations" || metric.EndsWith("_images", StringComparison.Ordinal) || metric == "best_epoch"
            ? MetricKind.Count : MetricKind.Plain;
    }

    /// <param name="picojoules">From 10^-12 J up; "1.42 mJ" is 1.42e9 pJ.</param>
    private static string Energy(double picojoules, Func<double, int, string> digits) => picojoules switch
    {
        >= 1e12 => digits(picojoules / 1e12, 3) + " J",
        >= 1e9 => digits(picojoules / 1e9, 3) + " mJ",
        >= 1e6 => digits(picojoules / 1e6, 3) + " µJ",
        >= 1e3 => digits(picojoules / 1e3, 3) + " nJ",
        _ => digits(picojoules, 3) + " pJ",
    };

    /// <returns>"2.57 M"; whole below a thousand.</returns>
    private static string Count(double value, Func<double, int, string> digits)
    {
        var step = 0;
        while (Math.Abs(value) >= 999.5 && step < Large.Length - 1) (value, step) = (value / 1000, step + 1);
        return (step == 0 ? value.ToString("0.##", CultureInfo.InvariantCulture) : digits(value, 3)) + Large[step];
    }

    public static string Duration(TimeSpan duration) => duration switch
    {
        { TotalHours: >= 1 } => $"{(int)duration.TotalHours} h {duration.Minutes:D2} min",
        { TotalMinutes: >= 1 } => $"{duration.Minutes} min {duration.Seconds:D2} s",
        _ => duration.TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture) + " s",
    };

    /// <summary>So many digits that count, without zeros at the end; in exponent form only where it would be a row of zeros.</summary>
    public static string Significant(double value, int digits) => Digits(value, digits, '#');

    /// <summary>As <see cref="Significant"/>, with zeros at the end: columns line up.</summary>
    private static string Fixed(double value, int digits) => Digits(value, digits, '0');

    private static string Digits(double value, int digits, char last)
    {
        if (value == 0) return "0";
        // Of the rounded value: 0.9999 is 1.00, not 1.000.
        var magnitude = (int)Math.Floor(Math.Log10(Math.Abs(double.Parse(value.ToString($"E{digits - 1}", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture))));
        if (magnitude is < -4 or > 8) return value.ToString($"0.{new string('#', digits - 1)}e0", CultureInfo.InvariantCulture);
        var decimals = Math.Clamp(digits - 1 - magnitude, 0, 15);
        return Math.Round(value, decimals).ToString("0." + new string(last, decimals), CultureInfo.InvariantCulture);
    }
}

internal enum MetricKind { Plain, Ratio, Energy, Count, Milliseconds, Seconds }
