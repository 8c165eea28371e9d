using System.Collections.Immutable;
using Volley.Coordinator.Sweeps;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;

namespace Volley.Coordinator.Placement;

/// <summary>One rank of one attempt: what a slot is given to.</summary>
internal readonly record struct RankId(TrialId Trial, int Attempt, int Rank);

/// <param name="IsListed">The node has said that it runs it.</param>
/// <param name="IsWanted">The sweep has not released it.</param>
internal sealed record HeldSlots(int Slots, bool IsListed, bool IsWanted);

/// <summary>A machine, as its agent registered it, and who holds its slots.</summary>
/// <param name="IsReachable">False from suspicion until it registers again: nothing is placed there.</param>
/// <param name="LastHeard">When it last registered.</param>
internal sealed record NodeState(
    RegisterNode Registration, bool IsReachable, DateTimeOffset LastHeard, ImmutableDictionary<RankId, HeldSlots> Held)
{
    public NodeId Id => Registration.Node;

    public int UsedSlots => Held.Values.Sum(held => held.Slots);

    /// <summary>Why nothing new is placed there; null: it serves.</summary>
    public SetAside? SetAside { get; init; }

    public int FreeSlots => IsReachable && SetAside is null && !Registration.Draining ? Math.Max(0, Registration.Slots - UsedSlots) : 0;

    /// <summary>A GPU is one slot whatever its rank's threads; on a CPU a rank takes as many slots as its threads need.</summary>
    public int SlotsFor(int threadsPerRank) =>
        Registration.Device == "cpu" ? (threadsPerRank + Registration.ThreadsPerSlot - 1) / Registration.ThreadsPerSlot : 1;
}

internal sealed record AwaitedNode(DateTimeOffset Until, ImmutableDictionary<RankId, HeldSlots> Held);

/// <summary>A trial that waits for room. Served in order; a later one may pass an earlier one that fits nowhere now.</summary>
internal sealed record SlotRequest(TrialId Trial, int Attempt, int Ranks, int ThreadsPerRank, string Device, long Order);

/// <summary>What an inventory's change means for sweeps.</summary>
internal abstract record InventoryNews;

internal sealed record NodeIsUp(NodeId Node, long Incarnation, ImmutableArray<RunningRank> Running) : InventoryNews;

internal sealed record NodeIsLost(NodeId Node, string Reason) : InventoryNews;

/// <param name="Fingerprint">Numerics of the machine of rank 0.</param>
internal sealed record Placed(TrialId Trial, int Attempt, ImmutableArray<Member> Members, string Fingerprint = "") : InventoryNews;

/// <summary>This attempt has to give its slots back in good order.</summary>
internal sealed record SlotsWanted(TrialId Trial, int Attempt, string Cause) : InventoryNews;

/// <summary>Slots are being freed for this request.</summary>
internal sealed record SlotsAreComing(TrialId Trial, int Attempt) : InventoryNews;

/// <summary>Trials keep failing on this machine: it should be set aside.</summary>
internal sealed record NodeIsSuspect(NodeId Node, string Reason) : InventoryNews;

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

    public ImmutableSortedDictionary<long, SlotRequest> Requests { get; init; } = ImmutableSortedDictionary<long, SlotRequest>.Empty;

    /// <summary>Nodes that held slots before a restart and have not registered since: what they hold, and until when they are waited for.</summary>
    public ImmutableDictionary<NodeId, AwaitedNode> Awaited { get; init; } = ImmutableDictionary<NodeId, AwaitedNode>.Empty;

    /// <summary>Machines that a person, or their failures, took out of service: known also while no agent of that name is there.</summary>
    public ImmutableDictionary<NodeId, SetAside> SetAside { get; init; } = ImmutableDictionary<NodeId, SetAside>.Empty;

    /// <summary>Of sweeps; those that are not in it have 0.</summary>
    public ImmutableDictionary<SweepId, int> Priorities { get; init; } = ImmutableDictionary<SweepId, int>.Empty;

    public long NextOrder { get; init; }

    public NodeState? Find(NodeId node) => Nodes.GetValueOrDefault(node.Value);

    /// <summary>Replaces an earlier request of the same trial: after a restart a sweep asks again.</summary>
    public Inventory Ask(TrialId trial, int attempt, int ranks, int threadsPerRank, string device)
    {
        var rest = Withdraw(trial);
        var request = new SlotRequest(trial, attempt, ranks, threadsPerRank, device, NextOrder);
        return rest with { Requests = rest.Requests.Add(NextOrder, request), NextOrder = NextOrder + 1 };
    }

    public Inventory Prioritise(SweepId sweep, int priority) =>
        this with { Priorities = priority == 0 ? Priorities.Remove(sweep) : Priorities.SetItem(sweep, priority) };

    public int PriorityOf(TrialId trial) => Priorities.GetValueOrDefault(trial.Sweep);

    public Inventory Withdraw(TrialId trial) => this with { Requests = Requests.RemoveRange(Requests.Where(entry => entry.Value.Trial == trial).Select(entry => entry.Key)) };

    public Inventory Hold(TrialId trial, int attempt, ImmutableArray<Member> members, DateTimeOffset now)
    {
        var result = this;
        foreach (var member in members)
        {
            var rank = new RankId(trial, attempt, member.Rank);
            var held = new HeldSlots(member.Slots, IsListed: false, IsWanted: true);
            if (result.Find(member.Node) is { } node)
                result = result.With(node with { Held = node.Held.SetItem(rank, node.Held.TryGetValue(rank, out var before) ? before with { IsWanted = true } : held) });
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
        var result = this with { Requests = Requests.RemoveRange(Requests.Where(entry => entry.Value.Trial.Sweep == sweep).Select(entry => entry.Key)) };
        foreach (var node in Nodes.Values)
        {
            var held = node.Held.ToBuilder();
            foreach (var (rank, slots) in node.Held.Where(entry => entry.Key.Trial.Sweep == sweep))
                if (slots.IsListed) held[rank] = slots with { IsWanted = false };
                else held.Remove(rank);
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

    private Inventory With(NodeState node) => this with { Nodes = Nodes.SetItem(node.Id.Value, node) };
}
