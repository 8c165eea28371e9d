using System.CommandLine;
using Volley.Coordinator.Http;

namespace Volley.Coordinator.Cli.NodeVerbs;

/// <summary><c>volley node list</c>.</summary>
internal static class NodeListVerb
{
    public static Command Create() => ClientVerb.Create("list", """
        List the machines that have joined: slots, device, process ids of agent and ranks (--json).

        Examples:
          volley node list
          volley node list --json | jq -r '.nodes[].ranks[].pid'
        """, [], async (_, session) =>
        {
            var nodes = await session.Client.NodesAsync(session.Stop);
            if (session.IsJson) session.Json(new NodePage(nodes, null));
            else if (nodes.Count == 0) session.Line("No machine has joined yet: start `volley join` on one.");
            else Table.Print(session.Output, session.Width, nodes);
            return 0;
        });

    private static TextTable<NodeView> Table { get; } = new TextTable<NodeView>()
        .Column("NODE", node => node.Name)
        .Column("STATE", node => node.State)
        .Column("DEVICE", node => node.Device, 1)
        .Column("SLOTS", node => $"{node.UsedSlots}/{node.Slots}", isNumber: true)
        .Column("THREADS", node => node.ThreadsPerSlot, 3, isNumber: true)
        .Column("MEMORY", node => $"{node.MemoryBytes / 1e9:0.0} GB", 3, isNumber: true)
        .Column("HOST", node => node.Host, 2)
        .Column("AGENT PID", node => node.AgentPid, 2, isNumber: true)
        .Column("RUNS", node => string.Join(' ', node.Ranks.Select(rank => $"{rank.Sweep}/{rank.Trial}.{rank.Rank}")), 4);
}
