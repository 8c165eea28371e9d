using System.Collections.Immutable;
using Volley.Coordinator.Sweeps;
using Volley.Shared.Identifiers;

namespace Volley.Coordinator.Placement;

/// <summary>Trials of lower priority give way to a request that fits nowhere, if that helps it, and no more of them than must.</summary>
/// <remarks>
/// A promise says where the request will be placed. It counts on slots that are free, on those whose holders have given up or were told to
/// already, and only then on further ones (<see cref="Preemption"/>). It is looked at again whenever something changes: it stands as long as
/// those slots are still to be had, and is made anew otherwise. So a request that cannot be placed that way stops nobody.
/// </remarks>
internal sealed partial record Inventory
{
    private Inventory Promise(SlotRequest request, ImmutableDictionary<NodeId, int> kept, ImmutableArray<InventoryNews>.Builder news)
    {
        // What may be counted on without stopping anybody.
        int ToHave(NodeState node) => Math.Max(0, node.Registration.Slots - node.UsedSlots) + node.ComingSlots - kept.GetValueOrDefault(node.Id);

        if (Promises.TryGetValue(request.Trial, out var promised))
        {
            if (IsToBeHad(promised, ToHave)) return this;
            return (this with { Promises = Promises.Remove(request.Trial) }).Promise(request, kept, news);
        }
        var victims = Candidates(PriorityOf(request.Trial));
        // Without priorities nobody gives way, and nothing is kept either: small trials pass large ones as ever.
        if (victims.Count == 0 && !Nodes.Values.Any(node => node.ComingSlots > 0 && node.Held.Values.Any(held => held.LeavingCause is not null))) return this;

        var result = this;
        if (MembersFor(request, Nodes.Values, ToHave) is not { } members)
        {
            if (Preemption.Choose(request.Ranks, Rooms(request, ToHave), victims) is not { } chosen) return this;
            var cause = $"{request.Trial} of priority {PriorityOf(request.Trial)} needs the slots.";
            foreach (var victim in chosen)
            {
                result = result.Leave(victim, cause);
                news.Add(new SlotsWanted(victim.Trial, victim.Attempt, cause));
            }
            members = MembersFor(request, result.Nodes.Values, ToHave)!.Value;
        }
        news.Add(new SlotsAreComing(request.Trial, request.Attempt));
        return result with { Promises = result.Promises.SetItem(request.Trial, members) };
    }

    private bool IsToBeHad(ImmutableArray<Member> promised, Func<NodeState, int> toHave) =>
        promised.GroupBy(member => member.Node).All(group =>
            Find(group.Key) is { IsUsable: true } node && group.First().Incarnation == node.Registration.Incarnation && group.Sum(member => member.Slots) <= toHave(node));

    private List<PreemptionRoom> Rooms(SlotRequest request, Func<NodeState, int> toHave) =>
        [.. Nodes.Values.Where(node => node.IsUsable && Takes(node, request)).Select(node => new PreemptionRoom(node.Id, node.SlotsFor(request.ThreadsPerRank), toHave(node)))];

    /// <summary>Attempts that would give way to this priority, with all their slots, wherever these are.</summary>
    private List<PreemptionVictim> Candidates(int priority) =>
    [
        .. from node in Nodes.Values
           where node.IsReachable
           from held in node.Held
           where !held.Value.IsComing && PriorityOf(held.Key.Trial) < priority
           group (node.Id, held.Value) by (held.Key.Trial, held.Key.Attempt) into attempt
           select new PreemptionVictim(
               attempt.Key.Trial, attempt.Key.Attempt, PriorityOf(attempt.Key.Trial), attempt.Max(part => part.Value.Order),
               [.. attempt.GroupBy(part => part.Id).Select(part => new SlotsOnNode(part.Key, part.Sum(one => one.Value.Slots)))]),
    ];

    private Inventory Leave(PreemptionVictim victim, string cause)
    {
        var result = this;
        foreach (var part in victim.Slots)
        {
            var node = result.Find(part.Node)!;
            var held = node.Held.ToBuilder();
            foreach (var (rank, slots) in node.Held)
                if (rank.Trial == victim.Trial && rank.Attempt == victim.Attempt) held[rank] = slots with { LeavingCause = cause };
            result = result.With(node with { Held = held.ToImmutable() });
        }
        return result;
    }

    /// <summary>Told again to whoever has not given its slots back, be it for a promise or because its machine is drained.</summary>
    private IEnumerable<InventoryNews> Reminders()
    {
        foreach (var node in Nodes.Values)
        {
            if (!node.IsReachable) continue;
            var why = node.SetAside is { Kind: SetAsideKind.Drained } drained ? $"Node {node.Id} is drained: {drained.Reason}" : null;
            if (why is null && node.ComingSlots == 0) continue;
            foreach (var ((trial, attempt), cause) in node.Held
                .Where(entry => entry.Value.IsWanted && (entry.Value.LeavingCause ?? why) is not null)
                .Select(entry => ((entry.Key.Trial, entry.Key.Attempt), Cause: entry.Value.LeavingCause ?? why!))
                .DistinctBy(entry => entry.Item1).OrderBy(entry => entry.Item1))
                yield return new SlotsWanted(trial, attempt, cause);
        }
    }
}
