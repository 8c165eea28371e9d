using Akka.Actor;
using Akka.Cluster.Tools.Singleton;
using Akka.Configuration;
using Volley.GpuNode.Agent;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;

namespace Volley.Benchmarks.Scale;

/// <summary>Many protocol-level agents over a few associations: each actor system is one real member of the cluster and hosts its share of them.</summary>
internal sealed class AgentFleet : IAsyncDisposable
{
    private static readonly TimeSpan JoinLimit = TimeSpan.FromSeconds(60);
    private readonly List<ActorSystem> _systems = [];

    public FleetFigures Figures { get; } = new();

    public static async Task<AgentFleet> StartAsync(ClusterView cluster, int agents, int slotsEach, int associations, RankPlan plan, string version)
    {
        var fleet = new AgentFleet();
        var proxies = new List<IActorRef>();
        for (var i = 0; i < Math.Min(associations, agents); i++)
        {
            var config = ConfigurationFactory.ParseString("akka { loglevel = OFF, stdout-loglevel = OFF }")
                .WithFallback(ConfigurationFactory.ParseString(ClusterSettings.Hocon("127.0.0.1", 0, ClusterNames.AgentRole, cluster.Seeds)))
                .WithFallback(ClusterSingletonProxy.DefaultConfig());
            var system = ActorSystem.Create(ClusterNames.ActorSystem, config);
            fleet._systems.Add(system);
            proxies.Add(system.ActorOf(ClusterSingletonProxy.Props(ClusterNames.ManagerPath, ClusterSingletonProxySettings.Create(system).WithRole(ClusterNames.CoordinatorRole)), "manager"));
        }
        for (var i = 0; i < agents; i++)
        {
            var facts = new AgentFacts(new NodeId($"agent-{i:D4}"), 1, "127.0.0.1", slotsEach, 1, "cpu", 1L << 34, version, "benchmark");
            var (manager, figures) = (proxies[i % proxies.Count], fleet.Figures);
            fleet._systems[i % proxies.Count].ActorOf(Props.Create(() => new ProtocolAgent(facts, plan, figures, manager)), $"agent-{i:D4}");
        }
        await WaitFor.ConditionAsync(() => fleet.Figures.Registered >= agents, JoinLimit, () => $"{fleet.Figures.Registered} of {agents} agents are registered");
        return fleet;
    }

    /// <summary>At once: whoever looks at them afterwards finds them gone.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var system in _systems) await system.Terminate();
    }
}

internal static class WaitFor
{
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(20);

    public static async Task ConditionAsync(Func<bool> condition, TimeSpan limit, Func<string> state)
    {
        var start = System.Diagnostics.Stopwatch.GetTimestamp();
        while (!condition())
        {
            if (System.Diagnostics.Stopwatch.GetElapsedTime(start) > limit) throw new TimeoutException($"After {limit.TotalSeconds:0} s: {state()}.");
            await Task.Delay(Step);
        }
    }
}
