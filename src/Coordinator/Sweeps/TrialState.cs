using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Volley.Shared.Config;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;
using Volley.Shared.Results;

namespace Volley.Coordinator.Sweeps;

internal enum TrialPhase
{
    /// <summary>Needs slots: new, or between two attempts.</summary>
    Waiting,
    Running,
    Finished,
    Failed,
    Cancelled,
}

/// <summary>An epoch and the attempt that reported it.</summary>
internal sealed record ReportedEpoch(int Attempt, EpochMetrics Metrics);

/// <summary>One configuration: what was asked of it, what it has reached, and who works on it.</summary>
internal sealed record TrialState
{
    public required int Number { get; init; }

    [JsonIgnore]        // a packed trial has it apart, if at all
    public TrialSpec Spec { get; init; } = null!;
    public required DateTimeOffset CreatedAt { get; init; }
    public TrialPhase Phase { get; init; } = TrialPhase.Waiting;

    /// <summary>Of the newest attempt; 0 before the first. Only rises: the fencing token.</summary>
    public int Attempt { get; init; }

    /// <summary>Of the attempt that runs; empty otherwise.</summary>
    public ImmutableArray<Member> Members { get; init; } = [];

    /// <summary>Its group lost a rank, and those that are left wait for the next attempt; null: it is whole, or there is none.</summary>
    public GroupBroken? Broken { get; init; }

    /// <summary>Attempt that began from a checkpoint, or from nothing; those after it went on with what ranks had in memory.</summary>
    public int LineageFrom { get; init; }

    /// <summary>Several ranks train it together.</summary>
    [JsonIgnore]
    public bool IsGroup => Spec.Resources.Ranks > 1;

    public Member? MemberOf(int rank) => Members.FirstOrDefault(member => member.Rank == rank);

    /// <summary>Of the newest attempt's first rank; empty before the first.</summary>
    public string Node { get; init; } = "";

    /// <summary>Numerics of the machine of the newest attempt's rank 0, where its agent says; empty: unknown.</summary>
    public string Fingerprint { get; init; } = "";

    /// <summary>Ranks of the running attempt that are done already.</summary>
    public ImmutableDictionary<int, RankEnded> Ended { get; init; } = ImmutableDictionary<int, RankEnded>.Empty;

    /// <summary>Epoch n at index n − 1.</summary>
    public ImmutableList<ReportedEpoch> Epochs { get; init; } = [];

    /// <summary>Committed and not retired, by step.</summary>
    public ImmutableList<CommittedCheckpoint> Checkpoints { get; init; } = [];

    /// <summary>Paths the running attempt has committed, retired and deleted ones too: a report that comes again long after must not bring one back.</summary>
    public ImmutableHashSet<string> CommittedNow { get; init; } = [];

    /// <summary>Retired, and not yet known to be deleted: who still has them. Nobody named: any agent can delete it.</summary>
    public ImmutableDictionary<string, ImmutableArray<NodeId>> Retired { get; init; } = ImmutableDictionary<string, ImmutableArray<NodeId>>.Empty;

    /// <summary>The newest trouble with checkpoints; empty once one was committed as it should be.</summary>
    public string CheckpointProblem { get; init; } = "";

    /// <summary>How often a checkpoint could not be written or read, over all attempts.</summary>
    public int CheckpointProblems { get; init; }

    /// <summary>Of them, those of the newest attempt.</summary>
    public int CheckpointProblemsNow { get; init; }

    /// <summary>Failures of the trial itself.</summary>
    public int Failures { get; init; }

    /// <summary>Attempts in a row that were lost without a new checkpoint.</summary>
    public int LossesInARow { get; init; }

    /// <summary>It failed for something a person can put right.</summary>
    public bool HasUserError { get; init; }

    /// <summary>Of the last failed attempt.</summary>
    public string Error { get; init; } = "";
    public string FailedOn { get; init; } = "";
    public ImmutableArray<string> LastLogLines { get; init; } = [];

    /// <summary>The newest <see cref="PastAttempt.MostKept"/> that have ended, oldest first.</summary>
    public ImmutableList<PastAttempt> PastAttempts { get; init; } = [];

    /// <summary>The most completed steps that any ended attempt was known to have.</summary>
    public long FurthestStep { get; init; }

    /// <summary>Only when finished; without its epochs.</summary>
    public TrialOutcome? Outcome { get; init; }
    public DateTimeOffset? StartedAt { get; init; }
    public DateTimeOffset? EndedAt { get; init; }

    /// <summary>Time in attempts that have ended.</summary>
    public TimeSpan ActiveTime { get; init; }
    public DateTimeOffset? AttemptStartedAt { get; init; }

    /// <summary>What only this life of the coordinator knows.</summary>
    [JsonIgnore]
    public TrialLive Live { get; init; } = TrialLive.Nothing;

    /// <summary>The sweep's <see cref="SweepState.Version"/> when this trial last changed.</summary>
    public long Version { get; init; }

    public bool IsOpen => Phase is TrialPhase.Waiting or TrialPhase.Running;

    public CommittedCheckpoint? NewestCheckpoint => Checkpoints.Count == 0 ? null : Checkpoints[^1];
}

/// <param name="HasAskedForSlots">A request waits in the inventory.</param>
/// <param name="CommandSentAt">When its ranks were last told to start or stop.</param>
/// <param name="Pids">Of ranks known to live, by rank.</param>
/// <param name="FirstStepAt">When the attempt's first step was done.</param>
internal sealed record TrialLive(
    bool HasAskedForSlots, DateTimeOffset CommandSentAt, ImmutableDictionary<int, int> Pids, ProgressReport? Progress, DateTimeOffset? FirstStepAt = null)
{
    /// <summary>When that request was made.</summary>
    public DateTimeOffset AskedAt { get; init; }

    /// <summary>That request asks for fewer ranks than the trial would like.</summary>
    public bool MayBeFewer { get; init; }

    /// <summary>Ranks that listen for their peers, by rank.</summary>
    public ImmutableSortedDictionary<int, GroupAddress> Listening { get; init; } = ImmutableSortedDictionary<int, GroupAddress>.Empty;

    /// <summary>All of them were told of each other.</summary>
    public bool IsGroupTold { get; init; }

    /// <summary>Ranks that say that their group is over, and since when, by rank.</summary>
    public ImmutableSortedDictionary<int, RankWaits> Waiting { get; init; } = ImmutableSortedDictionary<int, RankWaits>.Empty;

    /// <summary>Slots are being freed for that request.</summary>
    public bool IsPromised { get; init; }

    /// <summary>It was under way when this life of the coordinator began.</summary>
    public bool IsAdopted { get; init; }

    /// <summary>Written, and not committed before another agent has them too; by path.</summary>
    public ImmutableDictionary<string, PendingCopy> Copies { get; init; } = ImmutableDictionary<string, PendingCopy>.Empty;

    /// <summary>Of the data its ranks train on, compared with the sweep's; empty: not yet.</summary>
    public string DataDigest { get; init; } = "";

    /// <summary>Why its ranks were asked to stop, and are asked again; null: they were not.</summary>
    public string? StopCause { get; init; }

    public static readonly TrialLive Nothing = new(false, DateTimeOffset.MinValue, ImmutableDictionary<int, int>.Empty, null);
}
