using System.Collections.Immutable;
using Volley.Coordinator.Chaos.Faults;
using Volley.Coordinator.Chaos.Network;
using Volley.Coordinator.Chaos.Processes;

namespace Volley.Coordinator.Chaos;

/// <summary>
/// Does faults to a cluster, and ends those that are held. Signals go only to processes that the run started: its own children, and
/// children of these whose number the coordinator named.
/// </summary>
internal sealed class FaultActions(ChaosCluster cluster, CheckpointFolder checkpoints, SmallDisk? disk, NetworkNamespaces? network)
{
    private readonly List<Held> _held = [];

    /// <summary>Names of nodes that a fault holds now; the coordinator's too.</summary>
    public ImmutableHashSet<string> Disturbed => [.. _held.Where(held => held.Node is not null).Select(held => held.Node!)];

    public bool IsDiskFull => disk is { IsFull: true };

    public bool HoldsAny => _held.Count > 0;

    /// <param name="now">Since the start of the sweep.</param>
    /// <returns>What was done, in words; null: the target was gone in the meantime.</returns>
    public string? Strike(PlannedFault fault, FaultTarget target, TimeSpan now)
    {
        var until = now + fault.Hold;
        switch (fault.Kind)
        {
            case FaultKind.RankKill:
                return RankOf(target)?.Signal(ProcessMark.SigKill) == true ? $"killed rank {target.Rank} (process {target.Pid})" : null;
            case FaultKind.RankPause:
                return RankOf(target) is { } rank && Pause([rank], target.Node, until) ? $"stopped rank {target.Rank} (process {target.Pid}) for {fault.Hold.TotalSeconds:0.0} s" : null;
            case FaultKind.AgentKill or FaultKind.CoordinatorKill:
                return ServiceOf(target) is var killed && killed.Mark.Signal(ProcessMark.SigKill) ? $"killed process {killed.Mark.Pid}" : null;
            case FaultKind.AgentTerm or FaultKind.CoordinatorTerm:
                return ServiceOf(target) is var asked && asked.Mark.Signal(ProcessMark.SigTerm) ? $"asked process {asked.Mark.Pid} to end" : null;
            case FaultKind.AgentPause or FaultKind.CoordinatorPause:
                return ServiceOf(target).Mark is var stopped && Pause([stopped], target.Node, until) ? $"stopped process {stopped.Pid} for {fault.Hold.TotalSeconds:0.0} s" : null;
            case FaultKind.NodePause:
                var agent = ServiceOf(target).Mark;
                IReadOnlyList<ProcessMark> all = [agent, .. ProcessMark.ChildrenOf(agent.Pid)];
                return Pause(all, target.Node, until) ? $"stopped processes {string.Join(", ", all.Select(mark => mark.Pid))} for {fault.Hold.TotalSeconds:0.0} s" : null;
            case FaultKind.CheckpointCorrupt or FaultKind.CheckpointTruncate:
                return Damage(fault, target);
            case FaultKind.DiskFull:
                disk!.Fill();
                _held.Add(new Held(null, until, disk.Empty));
                return $"filled the disk for {fault.Hold.TotalSeconds:0.0} s";
            case FaultKind.LinkCut:
                network!.Cut(target.Node!);
                _held.Add(new Held(target.Node, until, () => network.Mend(target.Node!)));
                return $"cut the link for {fault.Hold.TotalSeconds:0.0} s";
            default:
                throw new InvalidOperationException($"{fault.Kind} is no fault that can be done.");
        }
    }

    /// <summary>Ends what has been held long enough.</summary>
    public void Release(TimeSpan now)
    {
        foreach (var held in _held.Where(held => held.Until <= now).ToList())
        {
            held.End();
            _held.Remove(held);
        }
    }

    private Service ServiceOf(FaultTarget target) => target.Node == ClusterPicture.Coordinator ? cluster.Coordinator : cluster.Agents[target.Node!];

    /// <summary>The process that the coordinator named, if it is a child of the agent that the run started.</summary>
    private ProcessMark? RankOf(FaultTarget target) =>
        target is { Pid: { } pid, Node: { } node } && ProcessMark.Of(pid) is { } rank && ProcessMark.ParentOf(pid) == cluster.Agents[node].Mark.Pid && cluster.Agents[node].Mark.IsAlive ? rank : null;

    private bool Pause(IReadOnlyList<ProcessMark> processes, string? node, TimeSpan until)
    {
        // Added first: whatever was stopped is continued.
        var held = new Held(node, until, () =>
        {
            foreach (var process in processes) process.Signal(ProcessMark.SigCont);
        });
        _held.Add(held);
        var stopped = processes.Count(process => process.Signal(ProcessMark.SigStop));
        if (stopped == 0) _held.Remove(held);
        return stopped > 0;
    }

    /// <summary>The rank stands still meanwhile, so that no newer checkpoint makes the damage harmless.</summary>
    private string? Damage(PlannedFault fault, FaultTarget target)
    {
        if (RankOf(target) is not { } rank || !rank.Signal(ProcessMark.SigStop)) return null;
        var done = checkpoints.Damage(target.Node!, target.Trial!.Value, target.Checkpoint!, fault.Draw >> 8, fault.Kind == FaultKind.CheckpointTruncate);
        if (done is null)
        {
            rank.Signal(ProcessMark.SigCont);
            return null;
        }
        rank.Signal(ProcessMark.SigKill);
        return $"{done}; killed rank {target.Rank} (process {rank.Pid})";
    }

    private sealed record Held(string? Node, TimeSpan Until, Action End);
}
