using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Volley.Shared.Config;

namespace Volley.Shared.Results;

/// <summary>What a sweep came to: the content of <c>results.json</c>.</summary>
public sealed record SweepResults
{
    /// <summary>Of the file; a reader refuses higher ones.</summary>
    public const int CurrentFormat = 1;

    public int FormatVersion { get; init; } = CurrentFormat;
    public required string Name { get; init; }
    public required ulong Seed { get; init; }
    public required string SearchAlgorithm { get; init; }
    public required IReadOnlyList<ObjectiveSpec> Objectives { get; init; }

    /// <summary>Says whether two runs are the same (DESIGN §4): <see cref="Results.ResultsDigest"/>.</summary>
    public string ResultsDigest { get; init; } = "";

    /// <summary>In the order of their numbers.</summary>
    public required IReadOnlyList<TrialResult> Trials { get; init; }

    /// <returns>The results of a sweep, trials in order and digest computed.</returns>
    public static SweepResults Of(SweepSpec sweep, IEnumerable<TrialResult> trials)
    {
        var results = new SweepResults
        {
            Name = sweep.Name,
            Seed = sweep.Seed,
            SearchAlgorithm = sweep.Search.Algorithm,
            Objectives = sweep.Objectives,
            Trials = [.. trials.OrderBy(trial => trial.Number)],
        };
        return results with { ResultsDigest = Results.ResultsDigest.Of(results) };
    }
}

public enum TrialEndState
{
    Finished,

    /// <summary>Given up after its own failures; <see cref="TrialResult.Error"/> says why.</summary>
    Failed,
    Cancelled,

    /// <summary>The sweep was stopped before the trial ended.</summary>
    Unfinished,
}

/// <summary>One trial of <see cref="SweepResults"/>.</summary>
public sealed record TrialResult
{
    public required int Number { get; init; }
    public required TrialEndState State { get; init; }

    /// <summary>As written in the file: a family or a preset.</summary>
    public required string Model { get; init; }

    /// <summary>What the search chose.</summary>
    public Assignment Hyperparameters { get; init; } = Assignment.Empty;

    /// <summary><see cref="TrialMetrics.Of"/>; empty where the trial did not finish.</summary>
    public ImmutableSortedDictionary<string, double> Metrics { get; init; } = ImmutableSortedDictionary<string, double>.Empty;

    /// <summary><see cref="TrialMetrics.TimingOf"/>: not part of the digest.</summary>
    public ImmutableSortedDictionary<string, double> Timing { get; init; } = ImmutableSortedDictionary<string, double>.Empty;

    /// <summary>SHA-256 of the final <c>model.safetensors</c>, lower-case hex.</summary>
    public string? WeightsSha256 { get; init; }
    public string? Error { get; init; }

    /// <summary>Time in attempts, all together; pauses between them do not count.</summary>
    public double DurationSeconds { get; init; }
    public int Attempts { get; init; }

    /// <summary>Where it ended.</summary>
    public string Node { get; init; } = "";
    public string NumericsFingerprint { get; init; } = "";
    public DataDescription? Data { get; init; }

    /// <summary>Per neuron layer, on the test part where there is one, else on the validation part.</summary>
    public IReadOnlyDictionary<string, double>? FiringRateByLayer { get; init; }

    /// <summary>Everything that was asked of it.</summary>
    public required TrialSpec Config { get; init; }
    public IReadOnlyList<EpochMetrics> Epochs { get; init; } = [];

    /// <param name="epochs">What was reported; taken instead of the outcome's where that has none.</param>
    public static TrialResult Of(
        TrialSpec spec, TrialEndState state, TrialOutcome? outcome, IReadOnlyList<EpochMetrics> epochs,
        TimeSpan duration, int attempts, string node, string? error = null)
    {
        var curve = epochs.Count > 0 ? epochs : outcome?.Epochs ?? [];
        return new TrialResult
        {
            Number = spec.Number,
            State = state,
            Model = spec.Train.Model.Name,
            Hyperparameters = spec.Hyperparameters,
            Metrics = outcome is null ? ImmutableSortedDictionary<string, double>.Empty : TrialMetrics.Of(outcome),
            Timing = outcome is null ? ImmutableSortedDictionary<string, double>.Empty : TrialMetrics.TimingOf(outcome, curve),
            WeightsSha256 = outcome?.WeightsSha256,
            Error = string.IsNullOrEmpty(error) ? null : error,
            DurationSeconds = duration.TotalSeconds,
            Attempts = attempts,
            Node = node,
            NumericsFingerprint = outcome?.NumericsFingerprint ?? "",
            Data = outcome?.Data,
            FiringRateByLayer = outcome?.Test?.FiringRateByLayer ?? outcome?.Validation?.FiringRateByLayer,
            Config = spec,
            Epochs = curve,
        };
    }

    [JsonIgnore]
    public bool IsFinished => State == TrialEndState.Finished;

    /// <summary>A metric or a timing by name, null where the trial has none.</summary>
    /// <remarks>Under <c>split: reference</c> there is no validation part: what is asked of it is read from the test part, as the papers do.</remarks>
    public double? Find(string metric)
    {
        if (Metrics.TryGetValue(metric, out var value) || Timing.TryGetValue(metric, out value)) return value;
        var onTest = metric.StartsWith("val_", StringComparison.Ordinal) && Config.Train.Dataset.Split == "reference";
        return onTest && Metrics.TryGetValue("test_" + metric["val_".Length..], out value) ? value : null;
    }
}
