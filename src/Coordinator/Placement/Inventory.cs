using System.Collections.Immutable;
using Volley.Coordinator.Sweeps;
using Volley.Shared.Identifiers;

namespace Volley.Coordinator.Placement;

/// <summary>A trial that waits for room. Higher priorities first, then in order; a later one may pass an earlier one that fits nowhere now.</summary>
/// <param name="Fingerprint">Preferred numerics; empty: any.</param>
/// <param name="Avoid">Machine that is taken last; empty: none.</param>
internal sealed record SlotRequest(TrialId Trial, int Attempt, int Ranks, int ThreadsPerRank, string Device, long Order, string Fingerprint = "", string Avoid = "")
{
    /// <inheritdoc cref="AskForSlots.Keep"/>
    public ImmutableArray<Member> Keep { get; init; } = [];

    /// <inheritdoc cref="AskForSlots.Least"/>
    public int? Least { get; init; }
}

/// <summary>
/// Every slot of the cluster and who has it. Lives in memory: after a restart sweeps say what they hold (<see cref="Hold"/>) and nodes
/// what they run. A slot is free again when its node says that the process is gone (an exit, or a registration that no longer lists it).
/// </summary>
internal sealed partial record Inventory
{
    /// <summary>Agents register every 2 s: one that was silent for so long is not there, whatever the transport says.</summary>
    public static readonly TimeSpan SilenceLimit = TimeSpan.FromSeconds(15);

    /// <summary>
    /// How long a coordinator that started again waits for the agents it knew before it calls them lost: an agent first has to notice that
    /// its coordinator died (10 s on loopback), build a new actor system and join (seconds each on a busy machine). Its ranks train on meanwhile.
    /// </summary>
    public static readonly TimeSpan RejoinLimit = TimeSpan.FromSeconds(40);

    public static readonly Inventory Empty = new();

    public ImmutableSortedDictionary<string, NodeState> Nodes { get; init; } = ImmutableSortedDictionary.Create<string, NodeState>(StringComparer.Ordinal);

    /// <summary>Those with a free slot: in a busy cluster few of many, and the only ones that placing looks at.</summary>
    public ImmutableSortedDictionary<string, NodeState> Vacant { get; private init; } = ImmutableSortedDictionary.Create<string, NodeState>(StringComparer.Ordinal);

    public ImmutableSortedDictionary<long, SlotRequest> Requests { get; init; } = ImmutableSortedDictionary<long, SlotRequest>.Empty;

    /// <summary>Requests that slots are being freed for, and where: kept from others meanwhile.</summary>
    public ImmutableDictionary<TrialId, ImmutableArray<Member>> Promises { get; init; } = ImmutableDictionary<TrialId, ImmutableArray<Member>>.Empty;

    /// <summary>Nodes that held slots before a restart and have not registered since: what they hold, and until when they are waited for.</summary>
    public ImmutableDictionary<NodeId, AwaitedNode> Awaited { get; init; } = ImmutableDictionary<NodeId, AwaitedNode>.Empty;

    /// <summary>Machines that a person, or their failures, took out of service: known also while no agent of that name is there.</summary>
    public ImmutableDictionary<NodeId, SetAside> SetAside { get; init; } = ImmutableDictionary<NodeId, SetAside>.Empty;

    /// <summary>Of sweeps; those that are not in it have 0.</summary>
    public ImmutableDictionary<SweepId, int> Priorities { get; init; } = ImmutableDictionary<SweepId, int>.Empty;

    public long NextOrder { get; init; }

    /// <summary>Nothing has changed that could place a request: the thousands of registrations that say nothing new cost no look at the nodes.</summary>
    public bool IsSettled { get; init; }

    public NodeState? Find(NodeId node) => Nodes.GetValueOrDefault(node.Value);

    public Inventory Ask(TrialId trial, int attempt, int ranks, int threadsPerRank, string device) => Ask(new AskForSlots(trial, attempt, ranks, threadsPerRank, device));

    /// <summary>Replaces an earlier request of the same trial: after a restart a sweep asks again.</summary>
    public Inventory Ask(AskForSlots ask)
    {
        if (IsGrantedAlready(ask)) return this;
        // Asked again for fewer it keeps its place.
        var order = Requests.Values.FirstOrDefault(request => request.Trial == ask.Trial && request.Attempt == ask.Attempt)?.Order ?? NextOrder;
        var rest = Withdraw(ask.Trial);
        var request = new SlotRequest(ask.Trial, ask.Attempt, ask.Ranks, ask.ThreadsPerRank, ask.Device, order, ask.Fingerprint, ask.Avoid) { Keep = ask.Keep, Least = ask.Least };
        return rest with { Requests = rest.Requests.Add(order, request), NextOrder = NextOrder + 1, IsSettled = false };
    }

    /// <summary>The answer to an earlier request of a group is on its way: a second one would hold the same ranks twice.</summary>
    private bool IsGrantedAlready(AskForSlots ask) =>
        (ask.Ranks > 1 || !ask.Keep.IsEmpty) && Nodes.Values.Any(node => node.Held.Any(held => held.Key.Trial == ask.Trial && held.Key.Attempt == ask.Attempt && held.Value.IsWanted));

    public Inventory Prioritise(SweepId sweep, int priority) =>
        this with { Priorities = priority == 0 ? Priorities.Remove(sweep) : Priorities.SetItem(sweep, priority), IsSettled = false };

    public int PriorityOf(TrialId trial) => Priorities.GetValueOrDefault(trial.Sweep);

    public Inventory Withdraw(TrialId trial) => Withdraw(request => request.Trial == trial);

    public Inventory Hold(TrialId trial, int attempt, ImmutableArray<Member> members, DateTimeOffset now)
    {
        var result = this with { NextOrder = NextOrder + 1 };
        foreach (var member in members)
        {
            var rank = new RankId(trial, attempt, member.Rank);
            var held = new HeldSlots(member.Slots, IsListed: false, IsWanted: true) { Order = NextOrder, IsKept = member.IsKept };
            if (result.Find(member.Node) is { } node)
            {
                var listed = node.Held.ContainsKey(rank) || !member.IsKept ? rank : Earlier(node.Held, rank) ?? rank;
                var known = node.Held.TryGetValue(listed, out var before) ? before with { IsWanted = true, IsKept = member.IsKept } : held;
                result = result.With(node with { Held = node.Held.Remove(listed).SetItem(rank, known) });
            }
            else
            {
                var awaited = result.Awaited.GetValueOrDefault(member.Node) ?? new AwaitedNode(now + RejoinLimit, ImmutableDictionary<RankId, HeldSlots>.Empty);
                result = result with { Awaited = result.Awaited.SetItem(member.Node, awaited with { Held = awaited.Held.SetItem(rank, held) }) };
            }
        }
        return result;
    }

    /// <summary>The sweep begins anew: its requests are gone, grants that no agent has confirmed are free, and what runs is wanted only if it says so (<see cref="Hold"/>).</summary>
    public Inventory Forget(SweepId sweep)
    {
        var result = Withdraw(request => request.Trial.Sweep == sweep);
        foreach (var node in Nodes.Values)
        {
            var held = node.Held.ToBuilder();
            foreach (var (rank, slots) in node.Held)
            {
                if (rank.Trial.Sweep != sweep) continue;
                if (slots.IsListed) held[rank] = slots with { IsWanted = false, LeavingCause = null };
                else held.Remove(rank);
            }
            result = result.With(node with { Held = held.ToImmutable() });
        }
        return result;
    }

    /// <summary>The sweep has no use for them. What never started is free at once; what may run is free when its node says that it is gone.</summary>
    public Inventory Release(TrialId trial, int attempt, ImmutableArray<Member> members, bool mayRun)
    {
        var result = this;
        foreach (var member in members)
        {
            var rank = new RankId(trial, attempt, member.Rank);
            // Not back yet: if it runs there after all, its node will say so.
            if (result.Awaited.GetValueOrDefault(member.Node) is { } awaited)
                result = result with { Awaited = result.Awaited.SetItem(member.Node, awaited with { Held = awaited.Held.Remove(rank) }) };
            if (result.Find(member.Node) is not { } node || !node.Held.TryGetValue(rank, out var held)) continue;
            // An agent process that is gone took its ranks with it.
            var isGone = !mayRun || (!held.IsListed && node.Registration.Incarnation != member.Incarnation);
            result = isGone ? result.Free(member.Node, rank) : result.With(node with { Held = node.Held.SetItem(rank, held with { IsWanted = false }) });
        }
        return result;
    }

    /// <summary>The process is confirmed dead, or never was.</summary>
    public Inventory Free(NodeId nodeId, RankId rank) => Find(nodeId) is { } node ? With(node with { Held = node.Held.Remove(rank) }) : this;

    private Inventory Withdraw(Func<SlotRequest, bool> isMeant)
    {
        var gone = Requests.Where(entry => isMeant(entry.Value)).ToList();
        if (gone.Count == 0) return this;
        return this with
        {
            Requests = Requests.RemoveRange(gone.Select(entry => entry.Key)),
            Promises = Promises.RemoveRange(gone.Select(entry => entry.Value.Trial)),
            IsSettled = false,
        };
    }

    private Inventory With(NodeState node)
    {
        var hasMore = Find(node.Id) is not { } before || node.FreeSlots > before.FreeSlots || node.ComingSlots != before.ComingSlots || node.IsUsable != before.IsUsable
            || node.Registration.Incarnation != before.Registration.Incarnation;      // one that was avoided may be taken again
        return this with
        {
            Nodes = Nodes.SetItem(node.Id.Value, node),
            Vacant = node.FreeSlots > 0 ? Vacant.SetItem(node.Id.Value, node) : Vacant.Remove(node.Id.Value),
            IsSettled = IsSettled && !hasMore,
        };
    }
}
