using Volley.Coordinator.Journal;
using Volley.Shared.Messages;

namespace Volley.Coordinator.Hosting;

/// <summary>The coordinator's actor system: what all members share, its journal, and what only it needs.</summary>
internal static class CoordinatorHocon
{
    public static string Of(CoordinatorOptions options, string journalConnection)
    {
        return string.Join('\n',
            "akka.stdout-logger-class = \"Volley.Coordinator.Hosting.SilentLogger, volley\"",
            "akka.cluster.log-info = on",
            // Nothing to hand over from when the only coordinator ends.
            "akka.cluster.singleton.min-number-of-hand-over-retries = 1",
            JournalDatabase.Hocon(journalConnection),
            ClusterSettings.Hocon(options.ClusterHost, options.ClusterPort, ClusterNames.CoordinatorRole, []));
    }
}
