using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Volley.Shared.Config;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;
using Volley.Shared.Results;

namespace Volley.Coordinator.Sweeps;

/// <summary>Something that happened to a sweep. The journal holds these; <c>SweepState.Apply</c> gives them their meaning.</summary>
internal abstract record SweepEvent;

/// <summary>Concerns what lives only while this coordinator does (who was asked, what runs where): applied, never journaled.</summary>
internal abstract record VolatileEvent : SweepEvent;

internal sealed record SweepAccepted(SweepSubmission Submission, DateTimeOffset At) : SweepEvent;

/// <summary>The same sweep, handed in again with its files elsewhere.</summary>
internal sealed record SweepMoved(SweepSubmission Submission, DateTimeOffset At) : SweepEvent;

/// <summary>First event of each life of the coordinator; commands carry the number, and agents refuse lower ones.</summary>
internal sealed record TermStarted(long Term, DateTimeOffset At) : SweepEvent;

internal sealed record TrialCreated(TrialSpec Spec, DateTimeOffset At) : SweepEvent;

/// <summary>One rank's place in an attempt.</summary>
/// <param name="Incarnation">Of the agent process: another one does not run this rank.</param>
internal sealed record Member(int Rank, NodeId Node, long Incarnation, int Slots)
{
    /// <summary>Its process is that of an earlier attempt, and goes on with what it has in memory.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool IsKept { get; init; }
}

/// <param name="ResumeEpoch">Completed epochs at the newest committed checkpoint; later ones will be reported again. 0: from the beginning.</param>
internal sealed record AttemptStarted(int Trial, int Attempt, ImmutableArray<Member> Members, int ResumeEpoch, DateTimeOffset At) : SweepEvent
{
    /// <summary>Numerics of the machine of the first rank, where its agent says (DESIGN §4).</summary>
    public string? Fingerprint { get; init; }

    [JsonIgnore]
    public bool HasKept => Members.Any(member => member.IsKept);
}

internal sealed record EpochReported(int Trial, int Attempt, EpochMetrics Metrics, DateTimeOffset At) : SweepEvent;

/// <summary>A checkpoint that exists: complete on disk before this event, readable by others after it.</summary>
internal sealed record CommittedCheckpoint(int Attempt, long Step, int Epoch, string RelativePath, string ManifestSha256, double? ObjectiveValue, long Bytes)
{
    public CheckpointReference Reference => new(Step, RelativePath, ManifestSha256);

    /// <summary>Agents that have it under their own root; null: it lies where the submission said, for all to see.</summary>
    public ImmutableArray<NodeId>? Holders { get; init; }

    /// <summary>The inventory adds the addresses of those that can be reached.</summary>
    public CheckpointReference WithHolders() => Reference with { Holders = Holders is { } holders ? [.. holders.Select(node => new CheckpointHolder(node, ""))] : null };
}

internal sealed record CheckpointCommitted(int Trial, CommittedCheckpoint Checkpoint, DateTimeOffset At) : SweepEvent
{
    /// <summary>It exists, but not as safely as was asked for.</summary>
    public string? Warning { get; init; }
}

/// <summary>What a data set of this sweep holds, as the first rank that opened it says.</summary>
/// <param name="Dataset">SHA-256 of its part of the configuration.</param>
/// <param name="Digest">SHA-256 of the packed data.</param>
internal sealed record DataSeen(string Dataset, string Digest, NodeId Node, DateTimeOffset At) : SweepEvent;

/// <summary>This life of an agent gets no more ranks of this sweep: its data are others.</summary>
internal sealed record NodeAvoided(NodeId Node, long Incarnation, string Reason, DateTimeOffset At) : SweepEvent;

/// <summary>One more agent has it: it fetched it to resume from it.</summary>
internal sealed record CheckpointHeld(int Trial, string RelativePath, NodeId Node) : SweepEvent;

/// <summary>A rank could not write a checkpoint, or not read one: training goes on, a person should look.</summary>
/// <param name="Count">Of the attempt so far.</param>
internal sealed record CheckpointProblemSeen(int Trial, int Attempt, int Count, string Problem, DateTimeOffset At) : SweepEvent;

/// <summary>Nobody resumes from it any more; its deletion may be asked for.</summary>
internal sealed record CheckpointRetired(int Trial, string RelativePath) : SweepEvent;

/// <summary>The retired directory is gone.</summary>
internal sealed record CheckpointRemoved(int Trial, string RelativePath) : SweepEvent
{
    /// <summary>From the disk of this agent; absent: from everywhere.</summary>
    public NodeId? Node { get; init; }
}

/// <summary>One rank of several is done while others still run.</summary>
internal sealed record RankEnded(int Trial, int Attempt, int Rank, RankEnd End, TrialOutcome? Outcome, DateTimeOffset At) : SweepEvent;

/// <param name="Node">Where it failed; empty when no single node did.</param>
/// <param name="Cause">Why it was stopped although nothing went wrong (paused, pre-empted, drained, killed); absent otherwise.</param>
/// <param name="StartStep">Completed steps when rank 0 began; null: nobody knows, or it did not get so far.</param>
/// <param name="LastStep">Completed steps that are known of when it ended.</param>
/// <param name="FirstStepAt">When its first step was done: what ended before is made good from here on.</param>
internal sealed record AttemptEnded(
    int Trial, int Attempt, RankEnd End, string Error, string Node, ImmutableArray<string> LastLogLines, DateTimeOffset At,
    long? StartStep = null, long? LastStep = null, DateTimeOffset? FirstStepAt = null, string? Cause = null) : SweepEvent
{
    /// <summary>Ranks that go on in the next attempt, with what they have in memory; absent: none.</summary>
    public ImmutableArray<int>? Kept { get; init; }
}

/// <summary>
/// A group lost ranks, or fell apart: the step under way is dropped, and those that are left wait for the next attempt with all they have. The attempt
/// ends when that begins, or when nobody is left.
/// </summary>
/// <param name="Lost">May be empty: all live, and have left each other.</param>
/// <param name="End">How they were lost.</param>
/// <param name="LastStep">Completed steps of those that are left, as far as they are known.</param>
internal sealed record GroupBroken(int Trial, int Attempt, ImmutableArray<int> Lost, RankEnd End, string Error, string Node, DateTimeOffset At, long? LastStep = null, string? Cause = null) : SweepEvent;

/// <param name="Outcome">Without epochs: they are in the journal already.</param>
internal sealed record TrialFinished(int Trial, int Attempt, TrialOutcome Outcome, DateTimeOffset At) : SweepEvent;

/// <param name="IsUserError">A person can put it right (a missing data set and the like).</param>
internal sealed record TrialFailed(int Trial, string Error, bool IsUserError, DateTimeOffset At) : SweepEvent;

/// <summary>A failed or cancelled trial gets another chance, from its newest checkpoint and with its failures forgotten.</summary>
internal sealed record TrialReopened(int Trial, DateTimeOffset At) : SweepEvent;

internal sealed record TrialCancelled(int Trial, DateTimeOffset At) : SweepEvent;

/// <summary>
/// More of the same. Every trial is trained in the same stages, whenever this was said: to the end of its own epochs by its own schedule,
/// then on by the schedule of the longer training.
/// </summary>
/// <param name="Epochs">A further stage, in epochs in all; 0: none.</param>
/// <param name="Trials">Trials the search makes in all; 0: as before.</param>
internal sealed record SweepExtended(int Epochs, int Trials, DateTimeOffset At) : SweepEvent;

/// <summary>A trial that had finished goes on to its next stage, from its newest checkpoint.</summary>
/// <param name="Epochs">In all: its resolved configuration says so from now on.</param>
internal sealed record TrialExtended(int Trial, int Epochs, DateTimeOffset At) : SweepEvent;

internal sealed record PriorityChanged(int Priority, DateTimeOffset At) : SweepEvent;

internal sealed record SweepPaused(DateTimeOffset At) : SweepEvent;

internal sealed record SweepResumed(DateTimeOffset At) : SweepEvent;

internal sealed record SweepCancelled(DateTimeOffset At) : SweepEvent;

/// <summary>Nothing is left to suggest or to run.</summary>
internal sealed record SweepFinished(DateTimeOffset At) : SweepEvent;

/// <summary>A request for slots was put into the inventory, or taken out again.</summary>
/// <param name="At">When it was put in.</param>
/// <param name="MayBeFewer">It asks for fewer ranks than the trial would like.</param>
internal sealed record SlotsAsked(int Trial, bool IsWaiting, DateTimeOffset At = default, bool MayBeFewer = false) : VolatileEvent;

/// <summary>A rank of the group listens for its peers.</summary>
internal sealed record RankListens(int Trial, GroupAddress Address) : VolatileEvent;

/// <summary>All of them listen, and were told of each other.</summary>
internal sealed record GroupTold(int Trial) : VolatileEvent;

/// <summary>A rank says that its group is over.</summary>
internal sealed record RankWaits(int Trial, RankWaiting Report, DateTimeOffset At) : VolatileEvent;

/// <summary>The inventory frees slots for it: it will be placed when they are.</summary>
internal sealed record SlotsPromised(int Trial) : VolatileEvent;

/// <summary>Its ranks are asked to stop, and asked again until they have.</summary>
internal sealed record StopAsked(int Trial, string Cause) : VolatileEvent;

/// <summary>It was under way before this life of the coordinator: its ranks may have work to save, whether their agents have said so yet or not.</summary>
internal sealed record AttemptAdopted(int Trial) : VolatileEvent;

internal sealed record CommandSent(int Trial, DateTimeOffset At) : VolatileEvent;

internal sealed record RankConfirmed(int Trial, int Attempt, int Rank, int Pid) : VolatileEvent;

internal sealed record ProgressSeen(int Trial, ProgressReport Report, DateTimeOffset At) : VolatileEvent;

/// <summary>The attempt trains on the data that it should.</summary>
internal sealed record DataCompared(int Trial, string Digest) : VolatileEvent;

/// <summary>A checkpoint that waits to be copied, and how far that has come.</summary>
internal sealed record CopyNoted(int Trial, PendingCopy Copy) : VolatileEvent;

internal sealed record StaleReportDropped : VolatileEvent;
