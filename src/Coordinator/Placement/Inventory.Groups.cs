using System.Collections.Immutable;
using Volley.Coordinator.Sweeps;

namespace Volley.Coordinator.Placement;

/// <summary>Ranks that live on into the next attempt of their group: their slots go with them, and are the same slots under whichever attempt their node lists them.</summary>
internal sealed partial record Inventory
{
    public (Inventory Next, ImmutableArray<InventoryNews> News) Keep(KeepSlots keep)
    {
        var result = this with { NextOrder = NextOrder + 1 };
        var gone = ImmutableArray.CreateBuilder<int>();
        foreach (var member in keep.Members)
        {
            var rank = new RankId(keep.Trial, keep.Attempt, member.Rank);
            if (result.Awaited.GetValueOrDefault(member.Node) is { } awaited && Earlier(awaited.Held, rank) is { } awaitedUnder)
                result = result with { Awaited = result.Awaited.SetItem(member.Node, awaited with { Held = awaited.Held.Remove(awaitedUnder).SetItem(rank, awaited.Held[awaitedUnder] with { IsKept = true }) }) };
            else if (result.Find(member.Node) is { } node && Earlier(node.Held, rank) is { } heldUnder)
                result = result.With(node with { Held = node.Held.Remove(heldUnder).SetItem(rank, node.Held[heldUnder] with { IsKept = true, IsWanted = true, LeavingCause = null }) });
            // Its process has died meanwhile; a new one takes its place there, if there is room.
            else if (result.Find(member.Node) is { } there && there.Registration.Incarnation == member.Incarnation && there.FreeSlots >= member.Slots)
                result = result.With(there with { Held = there.Held.SetItem(rank, new HeldSlots(member.Slots, IsListed: false, IsWanted: true) { Order = NextOrder, IsKept = true }) });
            else gone.Add(member.Rank);
        }
        return (result, gone.Count == 0 ? [] : [new KeptAreGone(keep.Trial, keep.Attempt, gone.ToImmutable())]);
    }

    /// <summary>So many of the ranks that are wanted as there is room for, where fewer will do.</summary>
    private ImmutableArray<Member>? Fewer(SlotRequest request, IEnumerable<NodeState> nodes, Func<NodeState, int> free)
    {
        if (request.Least is not { } least || least >= request.Ranks) return null;
        // A trial that has nothing yet waits for all, as long as the cluster could give them.
        if (request.Keep.IsEmpty && CapacityFor(request) >= request.Ranks) return null;
        var room = nodes.Where(node => node.IsUsable && Takes(node, request)).Sum(node => Math.Max(0, free(node)) / node.SlotsFor(request.ThreadsPerRank));
        return room < least ? null : MembersFor(request with { Ranks = Math.Min(room, request.Ranks) }, nodes, free);
    }

    private int CapacityFor(SlotRequest request) =>
        Nodes.Values.Where(node => node.IsReachable && node.SetAside is null && Takes(node, request)).Sum(node => node.Registration.Slots / node.SlotsFor(request.ThreadsPerRank));

    /// <summary>Those that are kept and those that are new, by number: new ones take the numbers that are missing, lowest first.</summary>
    private static ImmutableArray<Member> Together(SlotRequest request, ImmutableArray<Member> placed)
    {
        if (request.Keep.IsEmpty) return placed;
        var taken = request.Keep.Select(member => member.Rank).ToHashSet();
        var missing = Enumerable.Range(0, request.Ranks + request.Keep.Length).Where(rank => !taken.Contains(rank)).ToList();
        return [.. request.Keep.Select(member => member with { IsKept = true }).Concat(placed.Select((member, i) => member with { Rank = missing[i] })).OrderBy(member => member.Rank)];
    }

    /// <summary>The newest earlier attempt of the same rank that holds slots there.</summary>
    private static RankId? Earlier(ImmutableDictionary<RankId, HeldSlots> held, RankId rank) =>
        held.Keys.Where(other => other.Trial == rank.Trial && other.Rank == rank.Rank && other.Attempt < rank.Attempt).OrderByDescending(other => other.Attempt).Cast<RankId?>().FirstOrDefault();

    /// <summary>Under which attempt a rank that a node lists holds its slots: that of the list, or a later one that it goes on in and has not heard of.</summary>
    private static RankId HolderOf(ImmutableDictionary<RankId, HeldSlots> held, RankId listed)
    {
        if (held.ContainsKey(listed)) return listed;
        foreach (var (rank, slots) in held)
            if (slots is { IsKept: true, IsWanted: true } && rank.Trial == listed.Trial && rank.Rank == listed.Rank && rank.Attempt > listed.Attempt) return rank;
        return listed;
    }
}
