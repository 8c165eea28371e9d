using System.Collections.Immutable;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;

namespace Volley.Coordinator.Placement;

/// <summary>Nodes register, fall silent, leave and come back.</summary>
internal sealed partial record Inventory
{
    /// <returns>Why such an agent cannot serve here, whoever else is there; or null.</returns>
    public static string? Refuse(RegisterNode registration, string version)
    {
        if (registration.Version != version)
            return $"Agent {registration.Node} is Volley {registration.Version}, the coordinator {version}: install the same version on every machine.";
        if (registration.Slots < 1 || registration.ThreadsPerSlot < 1)
            return $"Agent {registration.Node} lends {registration.Slots} slots of {registration.ThreadsPerSlot} threads: both must be at least 1.";
        return null;
    }

    /// <summary>Idempotent: a registration that says nothing new brings no news.</summary>
    /// <param name="address">Of the agent's actor system.</param>
    public (Inventory Next, ImmutableArray<InventoryNews> News) Register(RegisterNode registration, DateTimeOffset now, string address = "")
    {
        var known = Find(registration.Node);
        var isNew = known is null || known.Registration.Incarnation != registration.Incarnation;
        var before = known?.Held ?? Awaited.GetValueOrDefault(registration.Node)?.Held ?? ImmutableDictionary<RankId, HeldSlots>.Empty;

        var listed = new Dictionary<RankId, RunningRank>();
        foreach (var rank in registration.Running.Where(rank => !rank.HasExited)) listed[HolderOf(before, new RankId(rank.Trial, rank.Attempt, rank.Rank))] = rank;
        var held = ImmutableDictionary.CreateBuilder<RankId, HeldSlots>();
        foreach (var (rank, running) in listed)
            held[rank] = (before.GetValueOrDefault(rank) ?? new HeldSlots(running.Slots, false, IsWanted: false)) with { Slots = running.Slots, IsListed = true };
        // Granted, and the start may be on its way. A new incarnation has lost it; the sweep is told below and asks again.
        if (!isNew || known is null)
            foreach (var (rank, slots) in before)
                if (slots is { IsListed: false, IsWanted: true } && !listed.ContainsKey(rank)) held.TryAdd(rank, slots);

        var vanished = before.Any(entry => entry.Value.IsListed && entry.Value.IsWanted && !held.ContainsKey(entry.Key));
        var unexpected = listed.Keys.Any(rank => !before.ContainsKey(rank));
        // Given, and not there: a start that is on its way, or one that never arrived. A sweep that waits for such a rank to stop has to hear of it.
        var missing = before.Any(entry => entry.Value is { IsListed: false, IsWanted: true } && !listed.ContainsKey(entry.Key));
        var node = new NodeState(registration, IsReachable: true, now, held.ToImmutable())
        {
            Address = address,
            SetAside = SetAside.GetValueOrDefault(registration.Node),
        };
        var next = With(node) with { Awaited = Awaited.Remove(registration.Node) };
        var isNews = isNew || !known!.IsReachable || vanished || unexpected;
        return isNews || missing
            ? (next, [new NodeIsUp(registration.Node, registration.Incarnation, registration.Running, IsOnlyMissing: !isNews)])
            : (next, []);
    }

    /// <summary>Suspected dead: nothing is placed there until it registers again.</summary>
    public (Inventory Next, ImmutableArray<InventoryNews> News) Lose(NodeId nodeId, string reason) =>
        Find(nodeId) is { IsReachable: true } node
            ? (With(node with { IsReachable = false }), [new NodeIsLost(nodeId, reason)])
            : (this, []);

    /// <summary>Takes a machine out of service, or back into it (null). Idempotent.</summary>
    public (Inventory Next, ImmutableArray<InventoryNews> News) Put(NodeId nodeId, SetAside? setAside)
    {
        var next = this with
        {
            SetAside = setAside is null ? SetAside.Remove(nodeId) : SetAside.SetItem(nodeId, setAside),
            Suspicions = setAside is null ? Suspicions.Remove(nodeId) : Suspicions,
            IsSettled = false,
        };
        if (next.Find(nodeId) is not { } node) return (next, []);
        next = next.With(node with { SetAside = setAside });
        return setAside?.Kind switch
        {
            SetAsideKind.Excluded => (next, [new NodeIsLost(nodeId, $"it was excluded: {setAside.Reason}")]),
            SetAsideKind.Drained => (next, [.. next.Reminders().Where(news => news is SlotsWanted wanted && node.Held.Keys.Any(rank => rank.Trial == wanted.Trial))]),
            _ => (next, []),
        };
    }

    /// <summary>It said goodbye: its ranks are gone with it.</summary>
    public (Inventory Next, ImmutableArray<InventoryNews> News) Leave(NodeId nodeId, long incarnation) =>
        Find(nodeId) is { } node && node.Registration.Incarnation == incarnation
            ? (this with { Nodes = Nodes.Remove(nodeId.Value), Vacant = Vacant.Remove(nodeId.Value), IsSettled = false }, [new NodeIsLost(nodeId, "it left the cluster.")])
            : (this, []);

    /// <summary>Notices silence, and awaited nodes that did not come back; reminds those that were asked to give slots back.</summary>
    public (Inventory Next, ImmutableArray<InventoryNews> News) NoticeSilence(DateTimeOffset now)
    {
        var next = this;
        var news = ImmutableArray.CreateBuilder<InventoryNews>();
        foreach (var node in Nodes.Values.Where(node => node.IsReachable && now - node.LastHeard > SilenceLimit))
        {
            (next, var lost) = next.Lose(node.Id, $"its agent said nothing for {SilenceLimit.TotalSeconds:0} s.");
            news.AddRange(lost);
        }
        foreach (var (node, _) in Awaited.Where(entry => now > entry.Value.Until))
        {
            next = next with { Awaited = next.Awaited.Remove(node) };
            news.Add(new NodeIsLost(node, $"its agent did not come back within {RejoinLimit.TotalSeconds:0} s of the coordinator's start."));
        }
        return (next, [.. news, .. next.Reminders()]);
    }
}
