using System.Collections.Immutable;
using Volley.Coordinator.Sweeps;

namespace Volley.Coordinator.Placement;

/// <summary>Who gets which slots: all ranks of a trial or none, on as few machines as possible.</summary>
internal sealed partial record Inventory
{
    /// <summary>Serves every waiting request that fits, in order.</summary>
    public (Inventory Next, ImmutableArray<InventoryNews> News) Place()
    {
        var next = this;
        var news = ImmutableArray.CreateBuilder<InventoryNews>();
        foreach (var request in Requests.Values)
        {
            if (next.MembersFor(request) is not { } members) continue;
            foreach (var member in members)
            {
                var node = next.Find(member.Node)!;
                var rank = new RankId(request.Trial, request.Attempt, member.Rank);
                next = next.With(node with { Held = node.Held.SetItem(rank, new HeldSlots(member.Slots, IsListed: false, IsWanted: true)) });
            }
            next = next with { Requests = next.Requests.Remove(request.Order) };
            news.Add(new Placed(request.Trial, request.Attempt, members, next.Find(members[0].Node)!.Registration.NumericsFingerprint));
        }
        return (next, news.ToImmutable());
    }

    /// <returns>Why no number of free slots would do, or null where the request could be placed on empty nodes.</returns>
    public string? CannotEverPlace(SlotRequest request)
    {
        if (!Nodes.Values.Any(node => node.IsReachable)) return null;        // they may still be on their way, or back
        var capacity = Nodes.Values.Where(node => node.IsReachable).Sum(node => Fits(node, request.Device) ? node.Registration.Slots / node.SlotsFor(request.ThreadsPerRank) : 0);
        return capacity >= request.Ranks ? null
            : $"{request.Ranks} ranks of {request.ThreadsPerRank} threads on device '{request.Device}' are wanted at once; the {Nodes.Count} nodes have room for {capacity}.";
    }

    /// <summary>
    /// One node if one has room for all, and of those the fullest (big holes stay for big trials); otherwise the emptiest nodes first, so that
    /// few are used. Ties by name: the same inventory and request give the same answer.
    /// </summary>
    private ImmutableArray<Member>? MembersFor(SlotRequest request)
    {
        var rooms = Nodes.Values
            .Where(node => node.IsReachable && Fits(node, request.Device))
            .Select(node => (Node: node, SlotsPerRank: node.SlotsFor(request.ThreadsPerRank)))
            .Select(room => (room.Node, room.SlotsPerRank, Ranks: room.Node.FreeSlots / room.SlotsPerRank))
            .Where(room => room.Ranks > 0)
            .ToList();
        if (rooms.Sum(room => room.Ranks) < request.Ranks) return null;

        var chosen = rooms.Any(room => room.Ranks >= request.Ranks)
            ? rooms.Where(room => room.Ranks >= request.Ranks).OrderBy(room => room.Ranks).ThenBy(room => room.Node.Id.Value, StringComparer.Ordinal).Take(1)
            : rooms.OrderByDescending(room => room.Ranks).ThenBy(room => room.Node.Id.Value, StringComparer.Ordinal);

        var members = ImmutableArray.CreateBuilder<Member>(request.Ranks);
        foreach (var (node, slotsPerRank, ranks) in chosen)
            for (var i = 0; i < ranks && members.Count < request.Ranks; i++)
                members.Add(new Member(members.Count, node.Id, node.Registration.Incarnation, slotsPerRank));
        return members.MoveToImmutable();
    }

    private static bool Fits(NodeState node, string device) => device == "auto" || device == node.Registration.Device;
}
