using Volley.Coordinator.Journal;
using Volley.Shared.Messages;

namespace Volley.Coordinator.Hosting;

/// <summary>The coordinator's actor system: what all members share, its journal, and what only it needs.</summary>
internal static class CoordinatorHocon
{
    public static string Of(CoordinatorOptions options, string journalConnection)
    {
        // On loopback the ranks of this machine compete with the heartbeats: DESIGN §10, "busy machines". A process that ends is noticed
        // by its closed connection and its missing parent long before.
        var patience = options.ClusterHost == "127.0.0.1" ? "akka.cluster.failure-detector { acceptable-heartbeat-pause = 10s, threshold = 12 }" : "";
        return string.Join('\n',
            patience,
            "akka.cluster.log-info = on",
            // Nothing to hand over from when the only coordinator ends.
            "akka.cluster.singleton.min-number-of-hand-over-retries = 1",
            "akka.coordinated-shutdown.phases.cluster-sharding-shutdown-region.timeout = 2s",
            JournalDatabase.Hocon(journalConnection),
            ClusterSettings.Hocon(options.ClusterHost, options.ClusterPort, ClusterNames.CoordinatorRole, []));
    }
}
