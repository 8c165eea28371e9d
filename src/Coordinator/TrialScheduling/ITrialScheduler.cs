using System.Collections.Immutable;
using Volley.Shared.Config;

namespace Volley.Coordinator.TrialScheduling;

/// <summary>Who continues: a pure function of what has been reported. Its resource is epochs.</summary>
public interface ITrialScheduler
{
    /// <summary>As in the file: <c>none</c>.</summary>
    string Type { get; }

    /// <summary>Same state and report, same answer. A report that was heard before changes nothing.</summary>
    /// <returns>What the trial does now, and the state that has heard the report.</returns>
    (TrialSchedulerState State, TrialDecision Decision) Decide(TrialSchedulerState state, RungReport report);
}

/// <summary>A trial has completed an epoch.</summary>
/// <param name="Epoch">Completed epochs, from 1.</param>
/// <param name="Value">The first objective, larger is better whatever its goal; null: not measured, or not a number.</param>
public sealed record RungReport(int Trial, int Epoch, double? Value);

public enum TrialDecision
{
    Continue,

    /// <summary>Checkpoint, give the slots back, wait.</summary>
    Pause,

    /// <summary>Over: what it reached is its result.</summary>
    Stop,
}

/// <summary>What trial schedulers remember: at each rung (in completed epochs) the values of the trials that reached it. JSON of it is a snapshot.</summary>
public sealed record TrialSchedulerState
{
    public ImmutableSortedDictionary<int, ImmutableSortedDictionary<int, double>> Rungs { get; init; } =
        ImmutableSortedDictionary<int, ImmutableSortedDictionary<int, double>>.Empty;

    public static TrialSchedulerState Initial { get; } = new();
}

/// <summary>Trial schedulers by the name they have in a file: the only switch over them.</summary>
public static class TrialSchedulers
{
    public static ITrialScheduler Create(TrialSchedulerSpec spec) => spec.Type switch
    {
        "none" => new NoTrialScheduler(),
        var other => throw new ConfigException("trial_scheduler.type", $"is \"{other}\", which this version does not have; there is none."),
    };
}
