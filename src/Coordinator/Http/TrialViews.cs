using Volley.Shared.Config;
using Volley.Shared.Results;

namespace Volley.Coordinator.Http;

/// <param name="Next">Ask with <c>after</c> this for the next page; absent at the end. A page of one state may be short, or empty, and not the last.</param>
internal sealed record TrialPage(IReadOnlyList<TrialRow> Trials, int? Next);

/// <summary>A trial in a list.</summary>
/// <param name="Value">Of the sweep's first objective: a finished trial's, else its newest epoch's.</param>
internal sealed record TrialRow(
    int Number, string State, string Model, Assignment Hyperparameters, int Attempt, string Node, int Epoch, int TotalEpochs, double? Loss, double? Value, int Failures, string? Error);

/// <summary>All about one trial.</summary>
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

    /// <summary>That it would like to have: <c>resources.ranks</c>.</summary>
    public required int RanksWanted { get; init; }

    /// <summary>Completed epochs.</summary>
    public required int Epoch { get; init; }
    public required int TotalEpochs { get; init; }

    /// <summary>Of the completed epochs the newest in a sweep's changes, all of them where this trial was asked for.</summary>
    public required IReadOnlyList<EpochMetrics> Epochs { get; init; }
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

    /// <summary>Only where this trial was asked for.</summary>
    public TrialSpec? Spec { get; init; }
}

/// <param name="FirstStepAt">When its first step was done: from the end of the attempt before to here nobody trained.</param>
/// <param name="StartStep">Completed steps when it began; absent where nobody knows.</param>
/// <param name="LastStep">Completed steps when it ended, or now.</param>
/// <param name="RepeatedSteps">Of those, the ones that an attempt before it had completed already.</param>
/// <param name="End">running | finished | stopped | failed | lost.</param>
internal sealed record AttemptView(
    int Attempt, string Node, DateTimeOffset StartedAt, DateTimeOffset? FirstStepAt, long? StartStep, long? LastStep, long RepeatedSteps, DateTimeOffset? EndedAt, string End);

/// <param name="AgentPid">Of the node's agent.</param>
/// <param name="Pid">Absent until the agent has said that the process lives.</param>
/// <param name="State">starting | training | forming (listens for its peers) | waiting (kept what it has, for the next attempt) | ended.</param>
internal sealed record RankView(int Rank, string Node, int? AgentPid, int? Pid, string State);

internal sealed record CheckpointPage(IReadOnlyList<CheckpointView> Checkpoints);

/// <summary>A committed checkpoint.</summary>
/// <param name="Path">Under the checkpoint root: the agents' <c>--checkpoint-root</c>, or absolute for a sweep of <c>volley run</c>.</param>
/// <param name="Epoch">Completed epochs.</param>
/// <param name="Value">Of the objective, at its last evaluation.</param>
/// <param name="Holders">Nodes that have it; absent: it lies in a folder that all of them see.</param>
internal sealed record CheckpointView(string Path, int Attempt, long Step, int Epoch, double? Value, long Bytes, string ManifestSha256, IReadOnlyList<string>? Holders);
