using System.CommandLine;
using Volley.Coordinator.Cli.NodeVerbs;

namespace Volley.Coordinator.Cli;

/// <summary><c>volley node …</c>: machines of a coordinator.</summary>
internal static class NodeCommand
{
    public static Command Create() => new("node",
        """
        Look at the machines that have joined a coordinator, and take them out of service.

        Examples:
          volley node list
          volley node list --json | jq '.nodes[] | [.name, .agent_pid]'
        """)
    {
        NodeListVerb.Create(), SteerNodeVerbs.Drain(), SteerNodeVerbs.Undrain(), SteerNodeVerbs.Exclude(),
    };
}
