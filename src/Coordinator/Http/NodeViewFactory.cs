using Volley.Coordinator.Placement;

namespace Volley.Coordinator.Http;

/// <summary>The inventory's nodes → views.</summary>
internal static class NodeViewFactory
{
    public static NodeView Of(NodeState node, DateTimeOffset now)
    {
        var registration = node.Registration;
        var pids = registration.Running.Where(rank => !rank.HasExited).ToDictionary(rank => new RankId(rank.Trial, rank.Attempt, rank.Rank), rank => rank.Pid);
        return new NodeView
        {
            Name = node.Id.Value,
            State = !node.IsReachable ? "lost" : node.SetAside is { } aside ? SweepViewFactory.Word(aside.Kind) : registration.Draining ? "stopping" : "up",
            SetAside = node.SetAside is { } standing ? Of(standing) : null,
            Host = registration.Host,
            HttpAddress = registration.HttpAddress.Length > 0 ? registration.HttpAddress : null,
            AgentPid = registration.AgentPid > 0 ? registration.AgentPid : null,
            Incarnation = registration.Incarnation,
            Device = registration.Device,
            Slots = registration.Slots,
            UsedSlots = node.UsedSlots,
            FreeSlots = node.FreeSlots,
            ThreadsPerSlot = registration.ThreadsPerSlot,
            MemoryBytes = registration.MemoryBytes,
            Version = registration.Version,
            NumericsFingerprint = registration.NumericsFingerprint,
            SecondsSinceHeard = Math.Max(0, (now - node.LastHeard).TotalSeconds),
            Ranks =
            [
                .. node.Held.OrderBy(held => held.Key.Trial).ThenBy(held => held.Key.Attempt).ThenBy(held => held.Key.Rank).Select(held => new NodeRank(
                    held.Key.Trial.Sweep.Value, held.Key.Trial.Number, held.Key.Attempt, held.Key.Rank, held.Value.Slots, pids.TryGetValue(held.Key, out var pid) ? pid : null)),
            ],
        };
    }

    public static SetAsideView Of(SetAside aside) => new(SweepViewFactory.Word(aside.Kind), aside.Reason, aside.Since);
}
