using Akka.Actor;
using Akka.Actor.Setup;
using Akka.Cluster.Tools.Singleton;
using Akka.Configuration;
using Akka.Event;
using Akka.Hosting.Logging;
using Volley.Shared.Messages;

namespace Volley.GpuNode.Agent;

/// <summary>Where an agent's actor system listens.</summary>
/// <param name="Seeds">Whom it asks to join where there is no directory (tests, and the agent of <c>volley run</c>).</param>
internal sealed record ClusterAddress(string Host, int Port, IReadOnlyList<string> Seeds);

/// <summary>
/// Owns the agent's actor system, and builds a new one when it ends: downed by the others, quarantined, a failed TLS dial, or another
/// cluster in the place of the old one. Each time it asks the coordinators anew where to join. Ranks know nothing of that (DESIGN §2).
/// </summary>
/// <param name="directory">Null: the seeds are fixed.</param>
internal sealed class ClusterMembership(ClusterAddress address, CoordinatorDirectory? directory, AgentLoop loop, TimeProvider time, ILoggerFactory logs)
{
    // Enough for the others to see this member go, short enough that a person does not wonder.
    private static readonly TimeSpan LeaveTimeout = TimeSpan.FromSeconds(2);

    // Before the next try of what failed.
    private static readonly TimeSpan RebuildPause = TimeSpan.FromSeconds(1);

    private const string AnotherCluster = "another cluster is in its place";

    // A connection that breaks is reported by what follows from it, not by its endpoint's stack trace.
    private static readonly LogFilterSetup QuietEndpoints = new LogFilterBuilder().ExcludeSourceContaining("endpointManager").ExcludeSourceContaining("remoting").Build();

    private readonly ILogger _log = logs.CreateLogger<ClusterMembership>();
    private bool _hasJoined;

    /// <summary>Until <paramref name="stop"/>.</summary>
    /// <exception cref="Shared.UserErrorException">At the first start: what answers is no coordinator of this cluster.</exception>
    public async Task RunAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                var seeds = directory is null ? address.Seeds : (await directory.FindAsync(mayGiveUp: !_hasJoined, stop)).Seeds;
                _hasJoined = true;
                await LiveAsync(seeds, stop);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception error) when (error is not (OperationCanceledException or Shared.UserErrorException))
            {
                // A taken port, say: it may be free again when the predecessor is gone.
                _log.LogError("The actor system could not start, trying again: {Reason}", error.GetBaseException().Message);
                await Task.Delay(RebuildPause, time, CancellationToken.None);
            }
        }
    }

    /// <summary>One actor system, from its start to its end.</summary>
    private async Task LiveAsync(IReadOnlyList<string> seeds, CancellationToken stop)
    {
        var rebuild = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        void OnRebuildWanted() => rebuild.TrySetResult(AnotherCluster);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var watch = directory is null ? null : new CoordinatorWatch(directory, time);
        var system = Build(seeds);
        loop.RebuildWanted += OnRebuildWanted;
        try
        {
            system.ActorOf(Props.Create(() => new NodeActor(loop, () => rebuild.TrySetResult("quarantined"), () => Alarm(watch))), "node");
            var watching = watch?.AnotherClusterAsync(system, seeds, ended.Token).ContinueWith(
                _ => rebuild.TrySetResult(AnotherCluster), CancellationToken.None, TaskContinuationOptions.OnlyOnRanToCompletion, TaskScheduler.Default);
            var stopped = Task.Delay(Timeout.InfiniteTimeSpan, stop);
            if (await Task.WhenAny(system.WhenTerminated, rebuild.Task, stopped) == stopped)
            {
                await LeaveAsync(system);
                return;
            }
            _log.LogWarning("The actor system ends ({Reason}): a new one joins; ranks go on", rebuild.Task.IsCompletedSuccessfully ? await rebuild.Task : "downed or failed");
        }
        finally
        {
            loop.RebuildWanted -= OnRebuildWanted;
            await ended.CancelAsync();
        }
        // Nobody is left who would want to see it go in order.
        await Task.WhenAny(system.Terminate(), Task.Delay(LeaveTimeout, time, CancellationToken.None));
    }

    private static void Alarm(CoordinatorWatch? watch) => watch?.Look();

    private ActorSystem Build(IReadOnlyList<string> seeds)
    {
        var config = ConfigurationFactory.ParseString("""
                akka {
                  loggers = ["Akka.Hosting.Logging.LoggerFactoryLogger, Akka.Hosting"]
                  loglevel = WARNING
                  coordinated-shutdown.run-by-actor-system-terminate = off
                }
                """)
            .WithFallback(ConfigurationFactory.ParseString(ClusterSettings.Hocon(address.Host, address.Port, ClusterNames.AgentRole, seeds)))
            .WithFallback(ClusterSingletonProxy.DefaultConfig());
        return ActorSystem.Create(
            ClusterNames.ActorSystem, ActorSystemSetup.Create(BootstrapSetup.Create().WithConfig(config), new LoggerFactorySetup(logs), QuietEndpoints));
    }

    private static async Task LeaveAsync(ActorSystem system)
    {
        var shutdown = CoordinatedShutdown.Get(system).Run(CoordinatedShutdown.ClrExitReason.Instance);
        if (await Task.WhenAny(shutdown, Task.Delay(LeaveTimeout)) != shutdown) await Task.WhenAny(system.Terminate(), Task.Delay(LeaveTimeout));
    }
}
