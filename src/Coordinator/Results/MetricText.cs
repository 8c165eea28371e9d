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

    public static string Of(string metric, double? value)
    {
        if (value is not { } number) return "–";
        if (!double.IsFinite(number)) return number.ToString(CultureInfo.InvariantCulture);
        return Kind(metric) switch
        {
            MetricKind.Ratio => (number * 100).ToString("0.00", CultureInfo.InvariantCulture) + " %",
            MetricKind.Energy => Energy(number),
            MetricKind.Count => Count(number),
            MetricKind.Milliseconds => Significant(number) + " ms",
            MetricKind.Seconds => Duration(TimeSpan.FromSeconds(number)),
            _ => Significant(number, 4),
        };
    }

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
    public static string Energy(double picojoules) => picojoules switch
    {
        >= 1e12 => Significant(picojoules / 1e12) + " J",
        >= 1e9 => Significant(picojoules / 1e9) + " mJ",
        >= 1e6 => Significant(picojoules / 1e6) + " µJ",
        >= 1e3 => Significant(picojoules / 1e3) + " nJ",
        _ => Significant(picojoules) + " pJ",
    };

    /// <returns>"2.57 M"; whole below a thousand.</returns>
    public static string Count(double value)
    {
        var step = 0;
        while (Math.Abs(value) >= 999.5 && step < Large.Length - 1) (value, step) = (value / 1000, step + 1);
        return (step == 0 ? value.ToString("0.##", CultureInfo.InvariantCulture) : Significant(value)) + Large[step];
    }

    public static string Duration(TimeSpan duration) => duration switch
    {
        { TotalHours: >= 1 } => $"{(int)duration.TotalHours} h {duration.Minutes:D2} min",
        { TotalMinutes: >= 1 } => $"{duration.Minutes} min {duration.Seconds:D2} s",
        _ => duration.TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture) + " s",
    };

    /// <summary>Digits that count, never in exponent form for what people read as plain numbers.</summary>
    public static string Significant(double value, int digits = 3)
    {
        if (value == 0) return "0";
        var magnitude = (int)Math.Floor(Math.Log10(Math.Abs(value)));
        if (magnitude is < -4 or > 8) return value.ToString($"0.{new string('#', digits - 1)}e0", CultureInfo.InvariantCulture);
        return Math.Round(value, Math.Clamp(digits - 1 - magnitude, 0, 15)).ToString("0.#############", CultureInfo.InvariantCulture);
    }
}

internal enum MetricKind { Plain, Ratio, Energy, Count, Milliseconds, Seconds }
