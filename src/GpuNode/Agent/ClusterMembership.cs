using Akka.Actor;
using Akka.Actor.Setup;
using Akka.Cluster.Tools.Singleton;
using Akka.Configuration;
using Akka.Hosting.Logging;
using Volley.Shared.Messages;

namespace Volley.GpuNode.Agent;

/// <summary>Where an agent's actor system listens and whom it asks to join.</summary>
internal sealed record ClusterAddress(string Host, int Port, IReadOnlyList<string> Seeds);

/// <summary>
/// Owns the agent's actor system, and builds a new one when it ends: downed by the others, quarantined, a failed TLS dial, or another
/// cluster at the same address. Ranks know nothing of that (DESIGN §2).
/// </summary>
internal sealed class ClusterMembership(ClusterAddress address, AgentLoop loop, TimeProvider time, ILoggerFactory logs)
{
    // Enough for the others to see this member go, short enough that a person does not wonder.
    private static readonly TimeSpan LeaveTimeout = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan RebuildPause = TimeSpan.FromSeconds(1);

    private readonly ILogger _log = logs.CreateLogger<ClusterMembership>();

    /// <summary>Until <paramref name="stop"/>; never throws.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            var rebuild = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
            void OnRebuildWanted() => rebuild.TrySetResult("another cluster");
            loop.RebuildWanted += OnRebuildWanted;
            ActorSystem? system = null;
            try
            {
                system = Build();
                system.ActorOf(Props.Create(() => new NodeActor(loop, () => rebuild.TrySetResult("quarantined"))), "node");
                var stopped = Task.Delay(Timeout.InfiniteTimeSpan, stop);
                if (await Task.WhenAny(system.WhenTerminated, rebuild.Task, stopped) != stopped)
                    _log.LogWarning("The actor system ended ({Reason}): a new one joins; ranks go on", rebuild.Task.IsCompletedSuccessfully ? await rebuild.Task : "downed or failed");
                await LeaveAsync(system);
            }
            catch (Exception error) when (error is not OperationCanceledException)
            {
                // A taken port, say: it may be free again when the predecessor is gone.
                _log.LogError("The actor system could not start, trying again: {Reason}", error.GetBaseException().Message);
                if (system is not null) await LeaveAsync(system);
            }
            finally
            {
                loop.RebuildWanted -= OnRebuildWanted;
            }
            if (!stop.IsCancellationRequested) await Task.Delay(RebuildPause, time, CancellationToken.None);
        }
    }

    private ActorSystem Build()
    {
        var config = ConfigurationFactory.ParseString("""
                akka { loggers = ["Akka.Hosting.Logging.LoggerFactoryLogger, Akka.Hosting"], loglevel = WARNING }
                """)
            .WithFallback(ConfigurationFactory.ParseString(ClusterSettings.Hocon(address.Host, address.Port, ClusterNames.AgentRole, address.Seeds)))
            .WithFallback(ClusterSingletonProxy.DefaultConfig());
        return ActorSystem.Create(
            ClusterNames.ActorSystem, ActorSystemSetup.Create(BootstrapSetup.Create().WithConfig(config), new LoggerFactorySetup(logs)));
    }

    private static async Task LeaveAsync(ActorSystem system)
    {
        var shutdown = CoordinatedShutdown.Get(system).Run(CoordinatedShutdown.ClrExitReason.Instance);
        if (await Task.WhenAny(shutdown, Task.Delay(LeaveTimeout)) != shutdown) await Task.WhenAny(system.Terminate(), Task.Delay(LeaveTimeout));
    }
}
