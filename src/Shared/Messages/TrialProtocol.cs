using System.Collections.Immutable;
using Volley.Shared.Identifiers;
using Volley.Shared.Results;

namespace Volley.Shared.Messages;

/// <summary>Agent ⇄ coordinator: the ranks of one trial's attempt. Reports go to the manager through the singleton proxy; commands come to the registered node actor.</summary>
public interface ITrialProtocol : IAttemptMessage;

/// <summary>
/// Start one rank. Coordinator → agent; answered by <see cref="RankStarted"/>, or <see cref="RankExited"/> if it could not start.
/// Sent again until answered: an agent that runs this (trial, attempt, rank) already answers as if it had just started it.
/// </summary>
/// <param name="SpecJson">The resolved <c>TrialSpec</c>.</param>
/// <param name="CheckpointRoot">Holds this trial's checkpoints. Absolute, or relative to the agent's <c>--checkpoint-root</c>.</param>
/// <param name="DataRoot">Cache of prepared data. Absolute, or empty: the agent's own.</param>
/// <param name="BaseDirectory">What relative paths in the specification are relative to. Absolute, or empty: the agent's <c>--data-root</c>.</param>
/// <param name="Slots">Slots it takes on this node.</param>
/// <param name="ResumeFrom">The newest journaled checkpoint first, then older ones to fall back to if it is damaged. Empty: from the beginning.</param>
public sealed record StartRank(
    long Term,
    TrialId Trial,
    int Attempt,
    int Rank,
    int WorldSize,
    int Slots,
    string SpecJson,
    string CheckpointRoot,
    string DataRoot,
    string BaseDirectory,
    ImmutableArray<CheckpointReference> ResumeFrom) : ITrialProtocol, ICoordinatorCommand
{
    /// <summary>
    /// Ranks of this attempt whose processes live on this node since an older one: they join it with what they have in memory, and nothing
    /// else of an older attempt does. One that has died meanwhile is started like any other.
    /// </summary>
    public ImmutableArray<int> Kept { get; init; } = [];

    public bool Equals(StartRank? other) =>
        other is not null
        && (Term, Trial, Attempt, Rank, WorldSize, Slots) == (other.Term, other.Trial, other.Attempt, other.Rank, other.WorldSize, other.Slots)
        && (SpecJson, CheckpointRoot, DataRoot, BaseDirectory) == (other.SpecJson, other.CheckpointRoot, other.DataRoot, other.BaseDirectory)
        && ResumeFrom.SequenceEqual(other.ResumeFrom)
        && Kept.SequenceEqual(other.Kept);

    public override int GetHashCode() => HashCode.Combine(Trial, Attempt, Rank);
}

/// <param name="RelativePath">Under the trial's checkpoint root.</param>
/// <param name="ManifestSha256">Lower-case hex.</param>
public sealed record CheckpointReference(long Step, string RelativePath, string ManifestSha256)
{
    /// <summary>Agents that have it, as far as they can be reached. Null: it lies in a store that every agent sees.</summary>
    public ImmutableArray<CheckpointHolder>? Holders { get; init; }

    public bool Equals(CheckpointReference? other) =>
        other is not null
        && (Step, RelativePath, ManifestSha256, Holders is null) == (other.Step, other.RelativePath, other.ManifestSha256, other.Holders is null)
        && (Holders is not { } holders || holders.SequenceEqual(other.Holders!.Value));

    public override int GetHashCode() => HashCode.Combine(Step, RelativePath, ManifestSha256);
}

/// <param name="HttpAddress"><see cref="RegisterNode.HttpAddress"/>; empty while the agent is away.</param>
public sealed record CheckpointHolder(NodeId Node, string HttpAddress);

/// <summary>The process lives. Agent → coordinator.</summary>
public sealed record RankStarted(TrialId Trial, int Attempt, int Rank, NodeId Node, int Pid) : ITrialProtocol;

public enum StopMode
{
    /// <summary>At the next step boundary, after a checkpoint; answered by <see cref="RankExited"/> with <see cref="RankEnd.Stopped"/>.</summary>
    Graceful = 1,

    /// <summary>SIGKILL.</summary>
    Kill = 2,
}

/// <summary>Coordinator → agent: end every rank of this attempt. Idempotent; sent again until the ranks' exits arrive.</summary>
public sealed record StopRank(long Term, TrialId Trial, int Attempt, StopMode Mode) : ITrialProtocol, ICoordinatorCommand
{
    /// <summary>Only this one; null: all of them.</summary>
    public int? Rank { get; init; }
}

/// <summary>Where a rank is. Agent → coordinator, about once a second. Droppable: the newest wins, no answer.</summary>
/// <param name="Epoch">Under way, from 0.</param>
/// <param name="Step">Completed optimizer steps of the whole run.</param>
/// <param name="StartStep">Completed steps when this attempt began: the first report follows its first step at once.</param>
/// <param name="SecondsSinceFirstStep">Since the attempt's first step was done; a duration, because clocks of machines differ.</param>
public sealed record ProgressReport(
    TrialId Trial, int Attempt, int Rank, int Epoch, int TotalEpochs, long Step, long TotalSteps, double Loss, double ImagesPerSecond,
    long StartStep = 0, double SecondsSinceFirstStep = 0) : ITrialProtocol
{
    /// <summary>Why a checkpoint could not be written, or one not be read: the last time. At most <see cref="MessageLimits.ErrorBytes"/>; empty: it never happened.</summary>
    public string CheckpointProblem { get; init; } = "";

    /// <summary>How often that happened in this attempt.</summary>
    public int CheckpointProblems { get; init; }

    /// <summary>SHA-256 of the packed data the rank trains on; empty before it is open.</summary>
    public string DataDigest { get; init; } = "";
}

/// <summary>A completed epoch; of a group every rank reports it and the first one counts, so no epoch is lost with the rank that reports. Agent → coordinator; sent again, oldest first, until <see cref="EpochAccepted"/>.</summary>
public sealed record EpochReport(TrialId Trial, int Attempt, EpochMetrics Metrics) : ITrialProtocol
{
    public bool Equals(EpochReport? other) => other is not null && (Trial, Attempt) == (other.Trial, other.Attempt) && ResultsEquality.Same(Metrics, other.Metrics);

    public override int GetHashCode() => HashCode.Combine(Trial, Attempt, Metrics.Epoch);
}

/// <summary>Coordinator → agent, once the epoch is in the journal (now or before).</summary>
public sealed record EpochAccepted(TrialId Trial, int Attempt, int Epoch) : ITrialProtocol;

/// <summary>
/// A checkpoint is complete on disk. Agent → coordinator; sent again until <see cref="CheckpointAccepted"/>: only then it exists for others.
/// A trial's reports are sent in the order in which the rank made them, so an epoch is known before the checkpoint at its end.
/// </summary>
/// <param name="Epoch">Completed epochs at that step.</param>
/// <param name="ObjectiveValue">Of the newest evaluation, in the objective's own direction; absent before the first.</param>
public sealed record CheckpointReport(
    TrialId Trial, int Attempt, long Step, int Epoch, string RelativePath, string ManifestSha256, double? ObjectiveValue, long Bytes) : ITrialProtocol
{
    /// <inheritdoc cref="ProgressReport.DataDigest"/>
    public string DataDigest { get; init; } = "";

    /// <summary>That wrote it: the agent of its node has the files.</summary>
    public int Rank { get; init; }
}

/// <summary>Coordinator → agent: the commit is in the journal.</summary>
public sealed record CheckpointAccepted(TrialId Trial, int Attempt, long Step) : ITrialProtocol;

/// <summary>Coordinator → agent, after the retirement is in the journal: delete that directory. Answered by <see cref="CheckpointDeleted"/>, also when it was gone already.</summary>
/// <param name="CheckpointRoot">As in <see cref="StartRank"/>.</param>
public sealed record RetireCheckpoint(long Term, TrialId Trial, int Attempt, string CheckpointRoot, string RelativePath) : ITrialProtocol, ICoordinatorCommand;

/// <summary>Agent → coordinator.</summary>
public sealed record CheckpointDeleted(TrialId Trial, int Attempt, string RelativePath) : ITrialProtocol
{
    public NodeId? Node { get; init; }
}

/// <summary>
/// Coordinator → agent: fetch this checkpoint from one of its holders, so that it outlives their machines. Answered by
/// <see cref="CheckpointCopied"/> when every byte was compared with its manifest; sent again until then.
/// </summary>
/// <param name="Attempt">That wrote it.</param>
/// <param name="CheckpointRoot">As in <see cref="StartRank"/>.</param>
/// <param name="Bytes">Of all its files.</param>
public sealed record CopyCheckpoint(long Term, TrialId Trial, int Attempt, string CheckpointRoot, CheckpointReference Checkpoint, long Bytes) : ITrialProtocol, ICoordinatorCommand;

/// <summary>
/// Agent → coordinator: this agent has the checkpoint too, because it was told to copy it or fetched it to resume from it. Best effort: the
/// command is repeated, and a copy that nobody knows of is only not used.
/// </summary>
/// <param name="Problem">Why it has not; empty: it has.</param>
public sealed record CheckpointCopied(TrialId Trial, int Attempt, string RelativePath, NodeId Node, string Problem) : ITrialProtocol;

/// <summary>How a rank's process ended.</summary>
public enum RankEnd
{
    /// <summary>The trial is done; <see cref="RankExited.Outcome"/> says how it did.</summary>
    Finished = 1,

    /// <summary>It was asked to; a checkpoint at its last step was written and reported before.</summary>
    Stopped = 2,

    /// <summary>The trial's own fault: exception, non-finite loss, out of memory, a crash in native code. Counts against <c>max_failures</c>.</summary>
    Failed = 3,

    /// <summary>Killed from outside, or its agent lost it. Does not count.</summary>
    Lost = 4,
}

/// <summary>The process is confirmed dead and its slot free. Agent → coordinator; sent again until <see cref="RankExitAccepted"/>, after every other report of the rank.</summary>
/// <param name="Outcome">Of rank 0 when finished; without its epochs, which were reported one by one.</param>
/// <param name="Error">One clear message; empty if there is none.</param>
/// <param name="IsUserError">The message stands alone (bad data path and the like): trying again would not help.</param>
/// <param name="LastLogLines">At most <see cref="MessageLimits.LogBytes"/>.</param>
/// <param name="StartStep">Completed steps when this attempt began; null: it did not get so far.</param>
/// <param name="LastStep">Completed steps when the process ended, however it did.</param>
public sealed record RankExited(
    TrialId Trial, int Attempt, int Rank, NodeId Node, RankEnd End, TrialOutcome? Outcome, string Error, bool IsUserError, ImmutableArray<string> LastLogLines,
    long? StartStep = null, long? LastStep = null) : ITrialProtocol
{
    /// <inheritdoc cref="ProgressReport.DataDigest"/>
    public string DataDigest { get; init; } = "";

    public bool Equals(RankExited? other) =>
        other is not null
        && (Trial, Attempt, Rank, Node, End, Error, IsUserError, DataDigest) == (other.Trial, other.Attempt, other.Rank, other.Node, other.End, other.Error, other.IsUserError, other.DataDigest)
        && (StartStep, LastStep) == (other.StartStep, other.LastStep)
        && ResultsEquality.Same(Outcome, other.Outcome)
        && LastLogLines.SequenceEqual(other.LastLogLines);

    public override int GetHashCode() => HashCode.Combine(Trial, Attempt, Rank, End);
}

/// <summary>Coordinator → agent: journaled; the agent may forget the rank.</summary>
public sealed record RankExitAccepted(TrialId Trial, int Attempt, int Rank) : ITrialProtocol;

/// <summary>
/// Coordinator → agent, in answer to any report or registration of an attempt that is not the trial's newest (or of a trial it does
/// not know): kill its ranks if they live, forget its reports, keep its files.
/// </summary>
public sealed record AttemptIsStale(long Term, TrialId Trial, int Attempt) : ITrialProtocol, ICoordinatorCommand;
