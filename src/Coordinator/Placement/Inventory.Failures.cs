using System.Collections.Immutable;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;

namespace Volley.Coordinator.Placement;

/// <summary>A machine on which trials keep failing, and those that are not at fault.</summary>
/// <remarks>
/// A failure may be the trial's or the machine's. The next attempt goes elsewhere if it can: the same failure there clears the machine, for this
/// trial. What is left counts until a rank does well there. Three trials in a row, while the other machines have at most a third as many, and it is
/// time to set the machine aside; never the last one, and never for what a person did wrong (a missing file).
/// </remarks>
internal sealed partial record Inventory
{
    private const int MostInARow = 3;

    /// <summary>Of each machine, trials that failed there since the last rank that did well, and how.</summary>
    public ImmutableDictionary<NodeId, ImmutableDictionary<TrialId, string>> Suspicions { get; init; } = ImmutableDictionary<NodeId, ImmutableDictionary<TrialId, string>>.Empty;

    /// <summary>The process is confirmed dead. An exit that was heard before changes nothing.</summary>
    public (Inventory Next, ImmutableArray<InventoryNews> News) Exit(NodeId nodeId, RankId rank, RankEnd end, string error, bool isUserError)
    {
        if (Find(nodeId) is not { } node || !node.Held.ContainsKey(rank)) return (this, []);
        var next = Free(nodeId, rank);
        if (end is RankEnd.Finished or RankEnd.Stopped) return (next with { Suspicions = Suspicions.Remove(nodeId) }, []);
        if (end != RankEnd.Failed || isUserError) return (next, []);

        var others = Suspicions.Where(entry => entry.Key != nodeId && entry.Value.GetValueOrDefault(rank.Trial) == error).Select(entry => entry.Key).ToList();
        if (others.Count > 0)
            return (next with { Suspicions = others.Aggregate(Suspicions, (all, other) => all.SetItem(other, all[other].Remove(rank.Trial))) }, []);

        var here = (Suspicions.GetValueOrDefault(nodeId) ?? ImmutableDictionary<TrialId, string>.Empty).SetItem(rank.Trial, error);
        next = next with { Suspicions = Suspicions.SetItem(nodeId, here) };
        var rest = next.Nodes.Values.Where(other => other.Id != nodeId && other.IsUsable).ToList();
        var isWorse = rest.Count > 0 && rest.All(other => (next.Suspicions.GetValueOrDefault(other.Id)?.Count ?? 0) * 3 <= here.Count);
        return here.Count >= MostInARow && isWorse && node.SetAside is null
            ? (next, [new NodeIsSuspect(nodeId, $"{here.Count} trials in a row failed there and not elsewhere; last, {rank.Trial}: {MessageLimits.Clip(error, 500)}")])
            : (next, []);
    }
}
