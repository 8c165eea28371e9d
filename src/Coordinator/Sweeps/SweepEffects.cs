using System.Collections.Immutable;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;

namespace Volley.Coordinator.Sweeps;

/// <summary>What the actor does once the events of a decision are in the journal, in this order.</summary>
internal abstract record SweepEffect;

/// <summary>To whoever sent the command.</summary>
internal sealed record Reply(IVolleyMessage Message) : SweepEffect;

/// <summary>To a node's agent; lost if it is not there, so commands are repeated until their effect is seen.</summary>
internal sealed record ToNode(NodeId Node, IVolleyMessage Message) : SweepEffect;

/// <summary>To the agent of any node that lives; for files in a store that all of them see.</summary>
internal sealed record ToAnyNode(NodeId? Preferred, IVolleyMessage Message) : SweepEffect;

/// <summary>Ask the inventory for room for every rank; answered by <see cref="SlotsGranted"/> when there is.</summary>
/// <param name="Fingerprint">Numerics of the machine it ran on before (DESIGN §4): preferred. Empty: none.</param>
/// <param name="Avoid">Machine on which its last attempt failed: another one is preferred, and tells the trial's fault from the machine's. Empty: none.</param>
internal sealed record AskForSlots(
    TrialId Trial, int Attempt, int Ranks, int ThreadsPerRank, string Device, string Fingerprint = "", string Avoid = "") : SweepEffect
{
    /// <summary>Members of the attempt before that go on with the slots they hold; <see cref="Ranks"/> are wanted beside them.</summary>
    public ImmutableArray<Member> Keep { get; init; } = [];

    /// <summary>So few of <see cref="Ranks"/> will do where the others cannot be had: none is free for those that are kept, or the cluster has no more. Null: all of them.</summary>
    public int? Least { get; init; }
}

/// <summary>These go on in a later attempt with the slots they hold: the same slots, whichever attempt their node lists them under.</summary>
internal sealed record KeepSlots(TrialId Trial, int Attempt, ImmutableArray<Member> Members) : SweepEffect;

/// <summary>To a node's agent, with the attempt's secret, which the actor draws and keeps: the same for every member, in memory only.</summary>
internal sealed record ToGroup(NodeId Node, FormGroup Message) : SweepEffect;

/// <summary>First of a term, and when the sweep was recovered in mid-term: what it asked for or was granted before is void; <see cref="HoldSlots"/> follows.</summary>
internal sealed record ForgetHoldings(SweepId Sweep) : SweepEffect;

/// <summary>Between sweeps; 0 until it is told. Sent at the beginning of each term and at each change.</summary>
internal sealed record SetSweepPriority(SweepId Sweep, int Priority) : SweepEffect;

/// <summary>Ask the inventory who shall copy a checkpoint; answered by <see cref="CopyTargetFound"/> at once.</summary>
/// <param name="Tried">Agents that could not.</param>
internal sealed record FindCopyTarget(TrialId Trial, int Attempt, string RelativePath, NodeId Source, ImmutableArray<NodeId> Tried) : SweepEffect;

/// <summary>Place nothing of this sweep on that life of an agent. Sent again at the beginning of each term.</summary>
internal sealed record AvoidNode(SweepId Sweep, NodeId Node, long Incarnation, string Reason) : SweepEffect;

internal sealed record WithdrawRequest(TrialId Trial) : SweepEffect;

/// <summary>These were given before a restart: count them as used until their node says otherwise.</summary>
internal sealed record HoldSlots(TrialId Trial, int Attempt, ImmutableArray<Member> Members) : SweepEffect;

/// <summary>The sweep no longer wants them.</summary>
/// <param name="MayRun">A start was sent: each is free only when its node says that the process is gone.</param>
internal sealed record ReleaseSlots(TrialId Trial, int Attempt, ImmutableArray<Member> Members, bool MayRun) : SweepEffect;

/// <summary>Another coordinator is in charge: this process ends before it does anything else.</summary>
internal sealed record Abdicate(string Reason) : SweepEffect;
