using Volley.Coordinator.Journal;
using Volley.Shared.Messages;

namespace Volley.Coordinator.Hosting;

/// <summary>The coordinator's actor system: what all members share, its journal, and what only it needs.</summary>
internal static class CoordinatorHocon
{
    /// <remarks>
    /// The short intervals cost a coordinator nothing and bring one that was started again back sooner: it is a member 0.4 s after it
    /// asked, not 2 s.
    /// </remarks>
    public static string Of(CoordinatorOptions options, IJournalStore journal)
    {
        var roles = new List<string> { ClusterNames.CoordinatorRole };
        if (Leadership.HttpRole(options) is { } http) roles.Add(http);
        return string.Join('\n',
            ClusterSettings.Hocon(options.ClusterHost, options.ClusterPort, ClusterNames.CoordinatorRole, []),
            "akka.stdout-logger-class = \"Volley.Coordinator.Hosting.SilentLogger, volley\"",
            "akka.cluster.log-info = on",
            "akka.cluster.periodic-tasks-initial-delay = 100ms",
            "akka.cluster.leader-actions-interval = 300ms",
            // A person's question waits a moment for a singleton that starts or moves; agents repeat what they say.
            "akka.cluster.singleton-proxy.buffer-size = 1000",
            // A coordinator that is alone has nobody to hand over to when it ends.
            options.Peers.Length > 1 ? "" : "akka.cluster.singleton.min-number-of-hand-over-retries = 1",
            journal.Hocon(),
            $"akka.cluster.roles = [{string.Join(", ", roles.Select(role => $"\"{role}\""))}]");
    }
}
