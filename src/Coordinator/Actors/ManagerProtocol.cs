using System.Collections.Immutable;
using Volley.Coordinator.Placement;
using Volley.Coordinator.Sweeps;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;

namespace Volley.Coordinator.Actors;

/// <summary>What the manager journals.</summary>
internal abstract record ManagerEvent;

/// <summary>Made once per journal: agents that knew another cluster start over.</summary>
internal sealed record ClusterCreated(string ClusterId, DateTimeOffset At) : ManagerEvent;

/// <param name="Holder">Which life of the singleton wrote it (<see cref="Tenure.Id"/>); null in journals of the first release.</param>
internal sealed record ManagerTermStarted(long Term, DateTimeOffset At, string? Holder = null) : ManagerEvent;

/// <param name="ContentSha256">Of its submission; absent in journals of before it was kept: the sweep tells it when it has recovered.</param>
internal sealed record SweepRegistered(SweepId Sweep, DateTimeOffset At, string? ContentSha256 = null) : ManagerEvent;

/// <summary>Nothing new is placed there until it is taken back, over restarts of the coordinator and of the agent.</summary>
internal sealed record NodeSetAside(NodeId Node, SetAsideKind Kind, string Reason, DateTimeOffset At) : ManagerEvent;

internal sealed record NodeTakenBack(NodeId Node, DateTimeOffset At) : ManagerEvent;

/// <summary>
/// HTTP → manager. Answered by <see cref="SweepAnswer"/>, <see cref="SubmissionConflict"/>, <see cref="AlreadySubmitted"/> or <see cref="SweepUnreadable"/>.
/// </summary>
/// <param name="EvenIfKnown">Also if another sweep was made from the same text and settings.</param>
internal sealed record SubmitSweep(SweepId Sweep, SweepSubmission Submission, bool EvenIfKnown = true);

/// <summary>The same text and settings are a sweep already, under another name.</summary>
internal sealed record AlreadySubmitted(SweepId Sweep);

/// <summary>The same name was used for something else.</summary>
internal sealed record SubmissionConflict(SweepId Sweep, SweepSubmission Existing);

/// <summary>HTTP → manager → sweep. Answered by <see cref="SweepAnswer"/>, <see cref="SteerRefused"/>, <see cref="SweepUnknown"/> or <see cref="SweepUnreadable"/>.</summary>
/// <param name="Command">Null to look only.</param>
internal sealed record SteerSweep(SweepId Sweep, PersonCommand? Command);

/// <summary>The command makes no sense now; nothing has changed.</summary>
internal sealed record SteerRefused(SweepId Sweep, string Reason);

internal sealed record SweepUnknown(SweepId Sweep);

/// <summary>Its journal cannot be replayed (a newer version wrote it, or this one no longer understands its file).</summary>
internal sealed record SweepUnreadable(SweepId Sweep, string Reason);

/// <summary>Sweep → manager, at the end of each recovery.</summary>
/// <param name="Problem">Why it failed; null: it did not.</param>
/// <param name="ContentSha256">Of its submission, where it has one.</param>
internal sealed record SweepRecovered(SweepId Sweep, string? Problem, string? ContentSha256 = null);

/// <param name="State">Immutable: readers take it as it is.</param>
internal sealed record SweepAnswer(SweepState State, bool IsNew = false)
{
    /// <summary>What the command leads to that a person might not expect, or that it held already.</summary>
    public ImmutableArray<string> Notes { get; init; } = [];
}

internal sealed record ListSweeps;

internal sealed record SweepList(ImmutableArray<SweepId> Sweeps);

/// <summary>HTTP → manager: its running trials stop gracefully and move; nothing new is placed there. Answered by <see cref="NodeAnswer"/> or <see cref="NodeUnknown"/>.</summary>
internal sealed record DrainNode(NodeId Node, string Reason);

/// <summary>HTTP → manager: set aside at once; its attempts end as lost, its ranks are killed. Answered as <see cref="DrainNode"/>.</summary>
internal sealed record ExcludeNode(NodeId Node, string Reason);

/// <summary>HTTP → manager: the way back, whatever set it aside. Answered as <see cref="DrainNode"/>.</summary>
internal sealed record UndrainNode(NodeId Node);

/// <param name="SetAside">As it is now in the journal; null: it serves.</param>
internal sealed record NodeAnswer(NodeId Node, SetAside? SetAside);

/// <summary>No agent of that name has registered in this term, and none is set aside.</summary>
/// <param name="Known">Those that have.</param>
internal sealed record NodeUnknown(NodeId Node, ImmutableArray<NodeId> Known);

/// <summary>Registry → manager: trials keep failing there.</summary>
internal sealed record NodeKeepsFailing(NodeId Node, string Reason);

/// <summary>Manager → registry, once it is in the journal.</summary>
internal sealed record StandingChanged(NodeId Node, SetAside? SetAside);

/// <summary>HTTP → manager. Answered by <see cref="CountersAnswer"/>.</summary>
internal sealed record GetCounters;

/// <summary>Of this term.</summary>
/// <param name="UnknownMessages">That this version has no use for.</param>
/// <param name="StaleReports">About sweeps that this coordinator does not know; each sweep counts its own beside these.</param>
/// <param name="RefusedRegistrations">Of agents of another version, with another's name, and the like.</param>
internal sealed record CountersAnswer(long UnknownMessages, long StaleReports, long RefusedRegistrations);

/// <summary>HTTP → manager → registry. Answered by <see cref="InventoryAnswer"/>.</summary>
internal sealed record GetInventory;

internal sealed record InventoryAnswer(Inventory Inventory);

/// <summary>Sweep → registry: pass this to the agent of a node.</summary>
internal sealed record SendToNode(NodeId? Node, bool IsAnyNodeGood, IVolleyMessage Message);

/// <summary>Manager → registry: that rank's process is confirmed dead.</summary>
internal sealed record RankIsGone(NodeId Node, RankId Rank, RankEnd End, string Error, bool IsUserError);

/// <summary>Registry → manager → every sweep, or the one that it concerns.</summary>
internal sealed record SweepMail(SweepId? Sweep, SweepCommand Command);
