using System.Collections.Immutable;
using Akka.Actor;
using Akka.Cluster;
using Akka.Cluster.Tools.Singleton;
using Akka.Hosting;
using Akka.Persistence.Sql;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Volley.Coordinator.Actors;
using Volley.Coordinator.Http;
using Volley.Coordinator.Journal;
using Volley.Coordinator.Sweeps;
using Volley.Shared;
using Volley.Shared.Messages;

namespace Volley.Coordinator.Hosting;

/// <summary>A coordinator, running: ASP.NET Core with the HTTP API, and the actor system with the singleton that owns every sweep.</summary>
internal sealed class CoordinatorHost : IAsyncDisposable
{
    // To hand the singleton over and leave, with the few seconds of HTTP answers under way: 20 s in all.
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(15);

    // Whoever has been replaced has nothing to hand over.
    private static readonly TimeSpan AbdicationLimit = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(2);

    private readonly WebApplication _app;

    private CoordinatorHost(WebApplication app, Uri httpAddress, string seedAddress, Task<string> abdication) =>
        (_app, HttpAddress, SeedAddress, Abdication) = (app, httpAddress, seedAddress, abdication);

    public static string Version { get; } = typeof(CoordinatorHost).Assembly.GetName().Version!.ToString(3);

    public Uri HttpAddress { get; }

    /// <summary>What agents join at: <c>akka.tcp://volley@HOST:PORT</c>.</summary>
    public string SeedAddress { get; }

    /// <summary>Completes, with the reason, when another coordinator has taken over: this process must end.</summary>
    public Task<string> Abdication { get; }

    /// <exception cref="UserErrorException">A port is taken, or the journal cannot be used.</exception>
    public static async Task<CoordinatorHost> StartAsync(CoordinatorOptions options, TimeProvider clock, CancellationToken stop)
    {
        var journal = options.Journal ?? new SqliteJournal(options.JournalDirectory);
        var log = new FileLog(Path.Combine(options.LogDirectory, "coordinator.log"), clock);
        var hostLog = log.CreateLogger(typeof(CoordinatorHost).FullName!);
        void Tell(string line)
        {
            hostLog.LogWarning("{Line}", line);
            options.Tell(line);
        }
        var identity = await JournalStart.PrepareAsync(journal, options.ClusterName, Tell, clock, stop);
        var health = new JournalHealth(journal.Description, Tell, clock);
        var abdication = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        var parts = new CoordinatorParts(SweepPlanner.Plan, Version, reason => abdication.TrySetResult(reason), clock) { Health = health };

        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ApplicationName = "volley", ContentRootPath = AppContext.BaseDirectory });
        builder.Logging.ClearProviders();
        builder.Logging.AddProvider(log);
        builder.Logging.AddFilter("Microsoft", LogLevel.Warning);
        builder.WebHost.UseUrls($"http://{options.HttpHost}:{options.HttpPort}");
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = StopLimit);
        builder.Services.AddSweepApi();
        builder.Services.AddSingleton(journal).AddSingleton(health).AddSingleton(services => new Leadership(Cluster.Get(services.GetRequiredService<ActorSystem>())));
        builder.Services.AddAkka(ClusterNames.ActorSystem, (akka, _) => akka
            .AddHocon(CoordinatorHocon.Of(options, journal), HoconAddMode.Prepend)
            .AddHocon(SqlPersistence.DefaultConfiguration, HoconAddMode.Append)
            .ConfigureLoggers(loggers =>
            {
                loggers.ClearLoggers();
                loggers.AddLoggerFactory();
            })
            .WithActors((system, registry) => StartSingleton(system, registry, parts)));

        var app = builder.Build();
        app.UseSweepApi();
        app.UseMiddleware<LeaderForwarding>();
        app.MapSweepApi();
        app.MapClusterApi(View);
        try
        {
            await app.StartAsync(stop);
        }
        catch (Exception error) when (error is IOException || error.GetBaseException() is System.Net.Sockets.SocketException)
        {
            await app.DisposeAsync();
            throw new UserErrorException($"The coordinator cannot listen on {options.ClusterHost}:{options.ClusterPort} (cluster) or {options.HttpHost}:{options.HttpPort} (HTTP): {error.GetBaseException().Message}", error);
        }

        var system = app.Services.GetRequiredService<ActorSystem>();
        _ = system.WhenTerminated.ContinueWith(
            _ => abdication.TrySetResult("The other coordinators have removed this one from the cluster: it did not answer them for too long. It ends; start it again, as a standby."), TaskScheduler.Default);
        var cluster = Cluster.Get(system);
        try
        {
            var joined = CoordinatorJoin.RunAsync(cluster, [.. Seeds().Select(Address.Parse)], Tell, clock, stop);
            if (await Task.WhenAny(joined, abdication.Task) != joined) throw new UserErrorException(await abdication.Task);
            await joined;
        }
        catch
        {
            await app.DisposeAsync();
            throw;
        }
        var http = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        return new CoordinatorHost(app, new Uri(http), cluster.SelfAddress.ToString(), abdication.Task);

        ImmutableArray<string> Seeds() => options.Peers.Length > 1
            ? [.. options.Peers.Select(peer => $"akka.tcp://{ClusterNames.ActorSystem}@{peer}")]
            : [Cluster.Get(app.Services.GetRequiredService<ActorSystem>()).SelfAddress.ToString()];

        ClusterView View() => new()
        {
            Product = ClusterView.ProductName,
            Version = Version,
            ClusterName = identity.ClusterName,
            Seeds = Seeds(),
            Coordinators = [.. app.Services.GetRequiredService<Leadership>().Members],
        };
    }

    public async ValueTask DisposeAsync()
    {
        var limit = Abdication.IsCompleted ? AbdicationLimit : StopLimit;
        using var impatience = new CancellationTokenSource(limit);
        try
        {
            await _app.StopAsync(impatience.Token).WaitAsync(limit + Grace);
            await _app.DisposeAsync().AsTask().WaitAsync(Grace);
        }
        catch (Exception error) when (error is TimeoutException or OperationCanceledException)
        {
            // The process ends now: the others see that within seconds, and nothing of this one is unwritten.
        }
    }

    private static void StartSingleton(ActorSystem system, IActorRegistry registry, CoordinatorParts parts)
    {
        system.ActorOf(
            ClusterSingletonManager.Props(SweepManagerActor.Supervised(parts), PoisonPill.Instance, ClusterSingletonManagerSettings.Create(system).WithRole(ClusterNames.CoordinatorRole)),
            ClusterNames.ManagerSingleton);
        registry.Register<SweepManagerActor>(system.ActorOf(
            ClusterSingletonProxy.Props(ClusterNames.ManagerPath, ClusterSingletonProxySettings.Create(system).WithRole(ClusterNames.CoordinatorRole)),
            "manager"));
    }
}
