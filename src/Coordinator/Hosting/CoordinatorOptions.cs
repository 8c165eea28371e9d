using System.Collections.Immutable;
using Volley.Coordinator.Journal;
using Volley.Shared.Messages;

namespace Volley.Coordinator.Hosting;

/// <param name="JournalDirectory">Holds the embedded journal, and what is kept beside any journal.</param>
/// <param name="LogDirectory">Takes <c>coordinator.log</c>.</param>
internal sealed record CoordinatorOptions(string JournalDirectory, string LogDirectory)
{
    /// <summary>Null: the embedded one in <see cref="JournalDirectory"/>.</summary>
    public IJournalStore? Journal { get; init; }

    public string ClusterName { get; init; } = ClusterNames.DefaultCluster;

    /// <summary>Address that agents reach this machine at.</summary>
    public string ClusterHost { get; init; } = "127.0.0.1";

    /// <summary>0: any free one.</summary>
    public int ClusterPort { get; init; }
    public string HttpHost { get; init; } = "127.0.0.1";

    /// <summary>0: any free one.</summary>
    public int HttpPort { get; init; }

    /// <summary>Cluster addresses (HOST:PORT) of all coordinators with this one, in the same order everywhere. One or none: it is alone.</summary>
    public ImmutableArray<string> Peers { get; init; } = [];

    /// <summary>What an operator should read at once: on the terminal of <c>serve</c>, nowhere in <c>run</c>. The log has it in any case.</summary>
    public Action<string> Tell { get; init; } = _ => { };
}
