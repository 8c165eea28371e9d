using System.Collections.Immutable;
using Volley.Coordinator.Sweeps;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;

namespace Volley.Coordinator.Placement;

/// <summary>What an inventory's change means for sweeps, and for whoever keeps the machines.</summary>
internal abstract record InventoryNews;

/// <param name="IsOnlyMissing">Nothing is new but that ranks which were given slots there are not listed.</param>
internal sealed record NodeIsUp(NodeId Node, long Incarnation, ImmutableArray<RunningRank> Running, bool IsOnlyMissing = false) : InventoryNews;

internal sealed record NodeIsLost(NodeId Node, string Reason) : InventoryNews;

/// <param name="Fingerprint">Numerics of the machine of rank 0.</param>
internal sealed record Placed(TrialId Trial, int Attempt, ImmutableArray<Member> Members, string Fingerprint = "") : InventoryNews;

/// <summary>Members that were to go on with their slots: their processes have died, and others have the slots.</summary>
internal sealed record KeptAreGone(TrialId Trial, int Attempt, ImmutableArray<int> Ranks) : InventoryNews;

/// <summary>This attempt has to give its slots back in good order. Told again until it has.</summary>
internal sealed record SlotsWanted(TrialId Trial, int Attempt, string Cause) : InventoryNews;

/// <summary>Slots are being freed for this request.</summary>
internal sealed record SlotsAreComing(TrialId Trial, int Attempt) : InventoryNews;

/// <summary>Trials keep failing on this machine: it should be set aside.</summary>
internal sealed record NodeIsSuspect(NodeId Node, string Reason) : InventoryNews;
