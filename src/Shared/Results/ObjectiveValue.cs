using Volley.Shared.Config;

namespace Volley.Shared.Results;

/// <summary>An objective's value, in its own direction, and which of two is better.</summary>
public static class ObjectiveValue
{
    /// <returns>null where the epoch did not measure it (no validation part, another kind of labels).</returns>
    public static double? Of(ObjectiveSpec objective, EpochMetrics epoch) => objective.Metric switch
    {
        "val_accuracy" => epoch.Validation?.Accuracy,
        "val_loss" => epoch.Validation?.Loss,
        "val_top5" => epoch.Validation?.Top5,
        "val_map" => epoch.Validation?.Map,
        "val_f1" => epoch.Validation?.F1,
        _ => null,
    };

    /// <summary>NaN is never better, and anything is better than nothing or NaN; equal is not better.</summary>
    public static bool IsBetter(ObjectiveSpec objective, double candidate, double? best)
    {
        if (double.IsNaN(candidate)) return false;
        if (best is not { } value || double.IsNaN(value)) return true;
        return objective.IsMaximized ? candidate > value : candidate < value;
    }
}
