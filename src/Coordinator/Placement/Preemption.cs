using System.Collections.Immutable;
using Volley.Shared.Identifiers;

namespace Volley.Coordinator.Placement;

internal sealed record SlotsOnNode(NodeId Node, int Slots);

/// <summary>A node that a request could use.</summary>
/// <param name="SlotsPerRank">Of this request.</param>
/// <param name="Slots">To be had without stopping anybody; negative where more is promised to others than there is.</param>
internal sealed record PreemptionRoom(NodeId Node, int SlotsPerRank, int Slots);

/// <summary>An attempt that would give way.</summary>
/// <param name="Order">Higher: began later.</param>
internal sealed record PreemptionVictim(TrialId Trial, int Attempt, int Priority, long Order, ImmutableArray<SlotsOnNode> Slots);

/// <summary>Which attempts give way to a request: a set without which it could not be placed, and from which none can be spared.</summary>
/// <remarks>
/// For each node alone, and for all nodes together, attempts are taken in order (lowest priority first, of these the youngest, which has least to
/// lose) until the request fits; then those that turn out not to be needed are spared, the most valuable first. A single attempt that frees
/// enough is tried as well. Of these sets the one with the lowest highest priority wins, then the fewest attempts, then the fewest slots, then one
/// machine over several, then the youngest, then by name: the same inventory gives the same answer.
/// </remarks>
internal static class Preemption
{
    /// <returns>null: stopping all of them would not make room either.</returns>
    public static ImmutableArray<PreemptionVictim>? Choose(int ranks, IReadOnlyList<PreemptionRoom> rooms, IReadOnlyList<PreemptionVictim> candidates)
    {
        var inOrder = candidates.OrderBy(victim => victim.Priority).ThenByDescending(victim => victim.Order).ThenBy(victim => victim.Trial).ToList();
        if (!Fits(rooms, inOrder, ranks)) return null;

        var single = rooms.OrderBy(room => room.Node.Value, StringComparer.Ordinal)
            .SelectMany(room => Sets([room], [.. inOrder.Where(victim => victim.Slots.Any(part => part.Node == room.Node))], ranks)).Select(set => (Set: set, IsSpread: 0));
        var spread = Sets(rooms, inOrder, ranks).Select(set => (Set: set, IsSpread: 1));
        return single.Concat(spread)
            .OrderBy(option => option.Set.Max(victim => victim.Priority))
            .ThenBy(option => option.Set.Length)
            .ThenBy(option => option.Set.Sum(victim => victim.Slots.Sum(part => part.Slots)))
            .ThenBy(option => option.IsSpread)
            .ThenByDescending(option => option.Set.Min(victim => victim.Order))
            .First().Set;
    }

    private static IEnumerable<ImmutableArray<PreemptionVictim>> Sets(IReadOnlyList<PreemptionRoom> rooms, IReadOnlyList<PreemptionVictim> inOrder, int ranks)
    {
        if (inOrder.FirstOrDefault(victim => Fits(rooms, [victim], ranks)) is { } enough) yield return [enough];
        var taken = new List<PreemptionVictim>();
        foreach (var victim in inOrder)
        {
            if (Fits(rooms, taken, ranks)) break;
            taken.Add(victim);
        }
        if (taken.Count == 0 || !Fits(rooms, taken, ranks)) yield break;
        foreach (var victim in taken.AsEnumerable().Reverse().ToList())
        {
            var without = taken.Where(other => other != victim).ToList();
            if (without.Count > 0 && Fits(rooms, without, ranks)) taken = without;
        }
        yield return [.. taken];
    }

    private static bool Fits(IReadOnlyList<PreemptionRoom> rooms, IReadOnlyCollection<PreemptionVictim> victims, int ranks)
    {
        var freed = victims.SelectMany(victim => victim.Slots).GroupBy(part => part.Node).ToDictionary(part => part.Key, part => part.Sum(one => one.Slots));
        return rooms.Sum(room => Math.Max(0, room.Slots + freed.GetValueOrDefault(room.Node)) / room.SlotsPerRank) >= ranks;
    }
}
