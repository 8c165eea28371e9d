using System.Collections.Immutable;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;

namespace Volley.Coordinator.Sweeps;

/// <summary>What a sweep is told: by people, by agents, by the inventory, by the clock.</summary>
internal abstract record SweepCommand;

/// <summary>Recovery is over (or the sweep is new): take up the work as the coordinator of this term.</summary>
internal sealed record BeginTerm(long Term) : SweepCommand;

internal sealed record Submit(SweepSubmission Submission) : SweepCommand;

internal sealed record FromAgent(ITrialProtocol Message) : SweepCommand;

/// <summary>The inventory found room for every rank.</summary>
/// <param name="Fingerprint">Numerics of the machine of rank 0, as its agent says; empty: it does not.</param>
internal sealed record SlotsGranted(int Trial, int Attempt, ImmutableArray<Member> Members, string Fingerprint = "") : SweepCommand;

/// <summary>Ranks that were to go on with the slots they held: their processes died meanwhile, and the slots are given away.</summary>
internal sealed record SlotsGone(int Trial, int Attempt, ImmutableArray<int> Ranks) : SweepCommand;

/// <summary>The inventory frees slots for this request, by pre-emption.</summary>
internal sealed record SlotsComing(int Trial, int Attempt) : SweepCommand;

/// <summary>The inventory's answer to <see cref="FindCopyTarget"/>.</summary>
/// <param name="Target">Null: there is no other agent.</param>
internal sealed record CopyTargetFound(int Trial, int Attempt, string RelativePath, NodeId? Target) : SweepCommand;

/// <summary>A node is new, back, restarted, or runs something else than the inventory thought.</summary>
/// <param name="IsOnlyMissing">News of ranks that were given slots there and are not listed yet. It may be older than a rank's start, which takes a shorter way.</param>
internal sealed record NodeAppeared(NodeId Node, long Incarnation, ImmutableArray<RunningRank> Running, bool IsOnlyMissing = false) : SweepCommand;

/// <summary>Suspected dead: a new attempt may start, whatever the old one still does (DESIGN §3).</summary>
internal sealed record NodeLost(NodeId Node, string Reason) : SweepCommand;

/// <summary>
/// The slots of this attempt are wanted elsewhere (pre-emption), or its machine is being drained: its ranks stop gracefully, and the trial
/// waits for other slots. Sent again until the slots are free.
/// </summary>
/// <param name="Cause">In words, for people.</param>
internal sealed record YieldSlots(int Trial, int Attempt, string Cause) : SweepCommand;

/// <summary>Time to repeat what was not answered.</summary>
internal sealed record Tick : SweepCommand
{
    public static readonly TimeSpan Period = TimeSpan.FromSeconds(1);
}
