using System.Collections.Immutable;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;

namespace Volley.Coordinator.Placement;

/// <summary>One rank of one attempt: what a slot is given to.</summary>
internal readonly record struct RankId(TrialId Trial, int Attempt, int Rank);

/// <param name="IsListed">The node has said that it runs it.</param>
/// <param name="IsWanted">The sweep has not released it.</param>
internal sealed record HeldSlots(int Slots, bool IsListed, bool IsWanted)
{
    /// <summary>Rises with every grant: the younger has less to lose.</summary>
    public long Order { get; init; }

    /// <summary>Its process is that of an earlier attempt, and its node may still list it under that.</summary>
    public bool IsKept { get; init; }

    /// <summary>Why its trial was asked to give them back; null: it was not.</summary>
    public string? LeavingCause { get; init; }

    /// <summary>Free before long: given up, or about to be.</summary>
    public bool IsComing => !IsWanted || LeavingCause is not null;
}

/// <summary>A machine, as its agent registered it, and who holds its slots.</summary>
/// <param name="IsReachable">False from suspicion until it registers again: nothing is placed there.</param>
/// <param name="LastHeard">When it last registered.</param>
internal sealed record NodeState(
    RegisterNode Registration, bool IsReachable, DateTimeOffset LastHeard, ImmutableDictionary<RankId, HeldSlots> Held)
{
    public NodeId Id => Registration.Node;

    /// <summary>Where its agent's actor system is; a port has one owner at a time.</summary>
    public string Address { get; init; } = "";

    public ImmutableDictionary<RankId, HeldSlots> Held
    {
        get;
        init
        {
            field = value;
            (UsedSlots, ComingSlots) = Sums(value);
        }
    } = Held;

    public int UsedSlots { get; private init; } = Sums(Held).Used;

    /// <summary>Used, and free before long.</summary>
    public int ComingSlots { get; private init; } = Sums(Held).Coming;

    /// <summary>Why nothing new is placed there; null: it serves.</summary>
    public SetAside? SetAside { get; init; }

    /// <summary>New ranks may be placed there.</summary>
    public bool IsUsable => IsReachable && SetAside is null && !Registration.Draining;

    public int FreeSlots => IsUsable ? Math.Max(0, Registration.Slots - UsedSlots) : 0;

    /// <summary>A GPU is one slot whatever its rank's threads; on a CPU a rank takes as many slots as its threads need.</summary>
    public int SlotsFor(int threadsPerRank) =>
        Registration.Device == "cpu" ? (threadsPerRank + Registration.ThreadsPerSlot - 1) / Registration.ThreadsPerSlot : 1;

    public bool Fits(string device) => device == "auto" || device == Registration.Device;

    private static (int Used, int Coming) Sums(ImmutableDictionary<RankId, HeldSlots> held)
    {
        var (used, coming) = (0, 0);
        foreach (var (_, slots) in held)
        {
            used += slots.Slots;
            if (slots.IsComing) coming += slots.Slots;
        }
        return (used, coming);
    }
}

internal sealed record AwaitedNode(DateTimeOffset Until, ImmutableDictionary<RankId, HeldSlots> Held);
