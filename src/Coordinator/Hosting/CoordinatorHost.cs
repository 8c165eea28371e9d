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

/// <param name="JournalDirectory">Holds the embedded journal.</param>
/// <param name="LogDirectory">Takes <c>coordinator.log</c>.</param>
internal sealed record CoordinatorOptions(string JournalDirectory, string LogDirectory)
{
    /// <summary>Address that agents reach this machine at.</summary>
    public string ClusterHost { get; init; } = "127.0.0.1";

    /// <summary>0: any free one.</summary>
    public int ClusterPort { get; init; }
    public string HttpHost { get; init; } = "127.0.0.1";

    /// <summary>0: any free one.</summary>
    public int HttpPort { get; init; }
}

/// <summary>A coordinator, running: ASP.NET Core with the HTTP API, and the actor system with the singleton that owns every sweep.</summary>
internal sealed class CoordinatorHost : IAsyncDisposable
{
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
        var connection = JournalDatabase.Prepare(options.JournalDirectory);
        var abdication = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        var parts = new CoordinatorParts(SweepPlanner.Plan, Version, reason => abdication.TrySetResult(reason), clock);

        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ApplicationName = "volley", ContentRootPath = AppContext.BaseDirectory });
        builder.Logging.ClearProviders();
        builder.Logging.AddProvider(new FileLog(Path.Combine(options.LogDirectory, "coordinator.log"), clock));
        builder.Logging.AddFilter("Microsoft", LogLevel.Warning);
        builder.WebHost.UseUrls($"http://{options.HttpHost}:{options.HttpPort}");
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(10));
        builder.Services.AddSweepApi();
        builder.Services.AddAkka(ClusterNames.ActorSystem, (akka, _) => akka
            .AddHocon(CoordinatorHocon.Of(options, connection), HoconAddMode.Prepend)
            .AddHocon(SqlPersistence.DefaultConfiguration, HoconAddMode.Append)
            .ConfigureLoggers(loggers =>
            {
                loggers.ClearLoggers();
                loggers.AddLoggerFactory();
            })
            .WithActors((system, registry) => StartSingleton(system, registry, parts)));

        var app = builder.Build();
        app.MapSweepApi();
        try
        {
            await app.StartAsync(stop);
        }
        catch (Exception error) when (error is IOException || error.GetBaseException() is System.Net.Sockets.SocketException)
        {
            await app.DisposeAsync();
            throw new UserErrorException($"The coordinator cannot listen on {options.ClusterHost}:{options.ClusterPort} (cluster) or {options.HttpHost}:{options.HttpPort} (HTTP): {error.GetBaseException().Message}", error);
        }

        var cluster = Cluster.Get(app.Services.GetRequiredService<ActorSystem>());
        await cluster.JoinAsync(cluster.SelfAddress, stop);
        var http = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        return new CoordinatorHost(app, new Uri(http), cluster.SelfAddress.ToString(), abdication.Task);
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
    }

    private static void StartSingleton(ActorSystem system, IActorRegistry registry, CoordinatorParts parts)
    {
        var manager = Props.Create(() => new SweepManagerActor(parts));
        system.ActorOf(
            ClusterSingletonManager.Props(manager, PoisonPill.Instance, ClusterSingletonManagerSettings.Create(system).WithRole(ClusterNames.CoordinatorRole)),
            ClusterNames.ManagerSingleton);
        registry.Register<SweepManagerActor>(system.ActorOf(
            ClusterSingletonProxy.Props(ClusterNames.ManagerPath, ClusterSingletonProxySettings.Create(system).WithRole(ClusterNames.CoordinatorRole)),
            "manager"));
    }
}
