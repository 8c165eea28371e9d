using Volley.Shared.Results;

namespace Volley.Shared.Messages;

/// <summary>Equality by content for results that hold lists and dictionaries, which records compare by reference.</summary>
public static class ResultsEquality
{
    public static bool Same(Evaluation? a, Evaluation? b) =>
        a is null || b is null ? a is null && b is null : a with { FiringRateByLayer = null } == b with { FiringRateByLayer = null } && Same(a.FiringRateByLayer, b.FiringRateByLayer);

    public static bool Same(EpochMetrics? a, EpochMetrics? b) =>
        a is null || b is null ? a is null && b is null : a with { Validation = null } == b with { Validation = null } && Same(a.Validation, b.Validation);

    public static bool Same(TrialOutcome? a, TrialOutcome? b)
    {
        if (a is null || b is null) return a is null && b is null;
        return a.Epochs.Count == b.Epochs.Count
            && a.Epochs.Zip(b.Epochs).All(pair => Same(pair.First, pair.Second))
            && Same(a.Validation, b.Validation)
            && Same(a.Test, b.Test)
            && Plain(a) == Plain(b);
    }

    private static readonly IReadOnlyList<EpochMetrics> NoEpochs = [];

    private static TrialOutcome Plain(TrialOutcome outcome) => outcome with { Epochs = NoEpochs, Validation = null, Test = null };

    private static bool Same(IReadOnlyDictionary<string, double>? a, IReadOnlyDictionary<string, double>? b) =>
        a is null || b is null
            ? a is null && b is null
            : a.Count == b.Count && a.All(entry => b.TryGetValue(entry.Key, out var value) && value.Equals(entry.Value));
}
