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

internal sealed record ManagerTermStarted(long Term, DateTimeOffset At) : ManagerEvent;

internal sealed record SweepRegistered(SweepId Sweep, DateTimeOffset At) : ManagerEvent;

/// <summary>HTTP → manager. Answered by <see cref="SweepAnswer"/> or <see cref="SubmissionConflict"/>.</summary>
internal sealed record SubmitSweep(SweepId Sweep, SweepSubmission Submission);

/// <summary>The same name was used for something else.</summary>
internal sealed record SubmissionConflict(SweepId Sweep, SweepSubmission Existing);

/// <summary>HTTP → manager → sweep. Answered by <see cref="SweepAnswer"/> or <see cref="SweepUnknown"/>.</summary>
/// <param name="Command">Pause, resume, cancel; null to look only.</param>
internal sealed record SteerSweep(SweepId Sweep, SweepCommand? Command);

internal sealed record SweepUnknown(SweepId Sweep);

/// <summary>Its journal cannot be replayed (a newer version wrote it, or this one no longer understands its file).</summary>
internal sealed record SweepUnreadable(SweepId Sweep, string Reason);

/// <summary>Sweep → manager, at the end of each recovery.</summary>
/// <param name="Problem">Why it failed; null: it did not.</param>
internal sealed record SweepRecovered(SweepId Sweep, string? Problem);

/// <param name="State">Immutable: readers take it as it is.</param>
internal sealed record SweepAnswer(SweepState State, bool IsNew = false);

internal sealed record ListSweeps;

internal sealed record SweepList(ImmutableArray<SweepId> Sweeps);

/// <summary>HTTP → manager → registry. Answered by <see cref="InventoryAnswer"/>.</summary>
internal sealed record GetInventory;

internal sealed record InventoryAnswer(Inventory Inventory);

/// <summary>Sweep → registry: pass this to the agent of a node.</summary>
internal sealed record SendToNode(NodeId? Node, bool IsAnyNodeGood, IVolleyMessage Message);

/// <summary>Manager → registry: that rank's process is confirmed dead.</summary>
internal sealed record RankIsGone(NodeId Node, RankId Rank);

/// <summary>Registry → manager → every sweep, or the one that it concerns.</summary>
internal sealed record SweepMail(SweepId? Sweep, SweepCommand Command);
