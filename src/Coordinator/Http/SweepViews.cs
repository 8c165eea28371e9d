using System.Collections.Immutable;
using Volley.Shared.Config;
using Volley.Shared.Results;

namespace Volley.Coordinator.Http;

/// <summary>What the API takes and gives, as JSON in snake_case. The command line is a client like any other.</summary>
internal sealed record SubmitRequest
{
    public required string Name { get; init; }
    public required string FileName { get; init; }

    /// <summary>The YAML.</summary>
    public required string Text { get; init; }
    public ImmutableArray<string> Overrides { get; init; } = [];

    /// <summary>These three absolute, on one machine; or empty: under the roots that each agent was given.</summary>
    public string BaseDirectory { get; init; } = "";
    public string CheckpointRoot { get; init; } = "";
    public string DataRoot { get; init; } = "";
}

/// <summary>A sweep now; trials only those that changed since the version that was asked for.</summary>
internal sealed record SweepView
{
    public required string Id { get; init; }

    /// <summary>running | paused | finished | cancelled.</summary>
    public required string State { get; init; }

    /// <summary>Ask with <c>changed_since</c> this next time.</summary>
    public required long Version { get; init; }
    public required int Trials { get; init; }
    public required int Finished { get; init; }
    public required int Failed { get; init; }
    public required int Running { get; init; }

    /// <summary>Trials the search will make in all, where it knows.</summary>
    public int? TrialsPlanned { get; init; }

    /// <summary>Retired checkpoints that are still to be deleted.</summary>
    public required int Deletions { get; init; }
    public required long StaleReports { get; init; }

    /// <summary>Why nothing can start although trials wait; absent when all is well.</summary>
    public string? Obstacle { get; init; }
    public required IReadOnlyList<TrialView> Changed { get; init; }
}

internal sealed record TrialView
{
    public required int Number { get; init; }

    /// <summary>waiting | starting | running | finished | failed | cancelled.</summary>
    public required string State { get; init; }
    public required string Model { get; init; }
    public required Assignment Hyperparameters { get; init; }
    public required int Attempt { get; init; }
    /// <summary>Where the newest attempt's rank 0 runs or ran; empty before the first.</summary>
    public required string Node { get; init; }

    /// <summary>Of the running attempt.</summary>
    public required IReadOnlyList<RankView> Ranks { get; init; }

    /// <summary>Completed epochs.</summary>
    public required IReadOnlyList<EpochMetrics> Epochs { get; init; }
    public required int TotalEpochs { get; init; }
    public long Step { get; init; }
    public long TotalSteps { get; init; }
    public double? Loss { get; init; }
    public double? ImagesPerSecond { get; init; }

    /// <summary>The newest ones, oldest first, with the one that runs: what each loss has cost.</summary>
    public required IReadOnlyList<AttemptView> Attempts { get; init; }
    public required int Failures { get; init; }
    public string? Error { get; init; }

    /// <summary>A person can put it right; the message says how.</summary>
    public bool IsUserError { get; init; }
    public required IReadOnlyList<string> LastLogLines { get; init; }

    /// <summary>Only when finished; without its epochs, which stand above.</summary>
    public TrialOutcome? Outcome { get; init; }

    /// <summary>Committed, newest last; relative to the trial's checkpoint folder.</summary>
    public required IReadOnlyList<string> Checkpoints { get; init; }

    /// <summary>Of each checkpoint the nodes that have it; absent: it lies in a folder that all of them see.</summary>
    public IReadOnlyDictionary<string, IEnumerable<string>>? CheckpointHolders { get; init; }

    /// <summary>The newest trouble with checkpoints; absent once one was committed as it should be.</summary>
    public string? CheckpointProblem { get; init; }

    /// <summary>How often a checkpoint could not be written or read.</summary>
    public int CheckpointProblems { get; init; }
    public required double ActiveSeconds { get; init; }
    public required TrialSpec Spec { get; init; }
}

/// <param name="FirstStepAt">When its first step was done: from the end of the attempt before to here nobody trained.</param>
/// <param name="StartStep">Completed steps when it began; absent where nobody knows.</param>
/// <param name="LastStep">Completed steps when it ended, or now.</param>
/// <param name="RepeatedSteps">Of those, the ones that an attempt before it had completed already.</param>
/// <param name="End">running | finished | stopped | failed | lost.</param>
internal sealed record AttemptView(
    int Attempt, string Node, DateTimeOffset StartedAt, DateTimeOffset? FirstStepAt, long? StartStep, long? LastStep, long RepeatedSteps, DateTimeOffset? EndedAt, string End);

internal sealed record RankView(int Rank, string Node, int? Pid);
