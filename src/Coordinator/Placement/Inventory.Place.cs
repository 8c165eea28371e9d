using System.Collections.Immutable;
using Volley.Coordinator.Sweeps;
using Volley.Shared.Identifiers;

namespace Volley.Coordinator.Placement;

/// <summary>Who gets which slots: all ranks of a trial or none, on as few machines as possible.</summary>
internal sealed partial record Inventory
{
    /// <summary>
    /// Serves every waiting request that fits, higher priorities first, then in order. One that does not fit, and would if trials of lower
    /// priority gave way, gets a promise: those are told to stop, and the slots are kept for it.
    /// </summary>
    public (Inventory Next, ImmutableArray<InventoryNews> News) Place()
    {
        if (IsSettled) return (this, []);
        var next = this with { IsSettled = true };
        var news = ImmutableArray.CreateBuilder<InventoryNews>();
        var kept = ImmutableDictionary<NodeId, int>.Empty;      // slots promised to requests that come first
        foreach (var request in Requests.Values.OrderByDescending(request => PriorityOf(request.Trial)).ThenBy(request => request.Order))
        {
            int Vacancy(NodeState node) => node.FreeSlots - kept.GetValueOrDefault(node.Id);
            if ((next.MembersFor(request, next.Vacant.Values, Vacancy) ?? next.Fewer(request, next.Vacant.Values, Vacancy)) is { } placed)
            {
                var members = Together(request, placed);
                next = next.Grant(request, members);
                news.Add(new Placed(request.Trial, request.Attempt, members, next.Find(members[0].Node)?.Registration.NumericsFingerprint ?? ""));
                continue;
            }
            next = next.Promise(request, kept, news);
            if (next.Promises.TryGetValue(request.Trial, out var promised))
                foreach (var member in promised) kept = kept.SetItem(member.Node, kept.GetValueOrDefault(member.Node) + member.Slots);
        }
        return (next with { IsSettled = true }, news.ToImmutable());
    }

    /// <returns>Why no number of free slots would do, or null where the request could be placed on empty nodes.</returns>
    public string? CannotEverPlace(SlotRequest request)
    {
        if (!Nodes.Values.Any(node => node.IsReachable)) return null;        // they may still be on their way, or back
        var usable = Nodes.Values.Where(node => node.IsReachable && node.SetAside is null).ToList();
        var capacity = CapacityFor(request);
        if (capacity >= (request.Least ?? request.Ranks)) return null;
        var avoided = usable.Select(node => WhyAvoided(node, request)).OfType<string>().ToList();
        var aside = Nodes.Values.Count(node => node.SetAside is not null);
        var least = request.Least is { } few && few < request.Ranks ? $"At least {few} of " : "";
        return $"{least}{request.Ranks} ranks of {request.ThreadsPerRank} threads on device '{request.Device}' are wanted at once; the {usable.Count} nodes have room for {capacity}."
            + (aside > 0 ? $" Set aside: {aside} more (`node list` says why, `node undrain` takes one back)." : "")
            + (avoided.Count > 0 ? $" Set aside for this sweep: {string.Join(' ', avoided)}" : "");
    }

    private Inventory Grant(SlotRequest request, ImmutableArray<Member> members)
    {
        var result = this with { Requests = Requests.Remove(request.Order), Promises = Promises.Remove(request.Trial), NextOrder = NextOrder + 1 };
        foreach (var member in members.Where(member => !member.IsKept))
        {
            var node = result.Find(member.Node)!;
            var rank = new RankId(request.Trial, request.Attempt, member.Rank);
            result = result.With(node with { Held = node.Held.SetItem(rank, new HeldSlots(member.Slots, IsListed: false, IsWanted: true) { Order = NextOrder }) });
        }
        return result;
    }

    /// <summary>
    /// Machines by preference: not where the last attempt failed, and with the numerics of the attempts before; then not where it failed; then any.
    /// Within these one node if one has room for all, and of those the fullest (big holes stay for big trials); otherwise the emptiest nodes first,
    /// so that few are used. Ties by name: the same inventory and request give the same answer.
    /// </summary>
    /// <param name="nodes">That may have room.</param>
    /// <param name="free">Slots of a node that this request may count on.</param>
    private ImmutableArray<Member>? MembersFor(SlotRequest request, IEnumerable<NodeState> nodes, Func<NodeState, int> free)
    {
        var rooms = nodes
            .Where(node => node.IsUsable && Takes(node, request))
            .Select(node => new Room(node, node.SlotsFor(request.ThreadsPerRank), Math.Max(0, free(node)) / node.SlotsFor(request.ThreadsPerRank)))
            .Where(room => room.Ranks > 0)
            .ToList();
        if (rooms.Sum(room => room.Ranks) < request.Ranks) return null;

        var others = rooms.Where(room => room.Node.Id.Value != request.Avoid).ToList();
        var alike = request.Fingerprint.Length == 0 ? [] : others.Where(room => room.Node.Registration.NumericsFingerprint == request.Fingerprint).ToList();
        return MembersOn(alike, request.Ranks) ?? MembersOn(others, request.Ranks) ?? MembersOn(rooms, request.Ranks);
    }

    private static ImmutableArray<Member>? MembersOn(List<Room> rooms, int wanted)
    {
        if (rooms.Sum(room => room.Ranks) < wanted) return null;
        var chosen = rooms.Any(room => room.Ranks >= wanted)
            ? rooms.Where(room => room.Ranks >= wanted).OrderBy(room => room.Ranks).ThenBy(room => room.Node.Id.Value, StringComparer.Ordinal).Take(1)
            : rooms.OrderByDescending(room => room.Ranks).ThenBy(room => room.Node.Id.Value, StringComparer.Ordinal);

        var members = ImmutableArray.CreateBuilder<Member>(wanted);
        foreach (var (node, slotsPerRank, ranks) in chosen)
            for (var i = 0; i < ranks && members.Count < wanted; i++)
                members.Add(new Member(members.Count, node.Id, node.Registration.Incarnation, slotsPerRank));
        return members.MoveToImmutable();
    }

    /// <param name="Ranks">That it has room for.</param>
    private sealed record Room(NodeState Node, int SlotsPerRank, int Ranks);
}
