using System.Net;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Volley.GpuNode.Link;
using Volley.Shared;

namespace Volley.GpuNode.Serving;

/// <summary>What the agent serves, and how much of it at once.</summary>
/// <param name="Bind">Where to listen; port 0: any free one.</param>
/// <param name="AnnouncedHost">How others reach this machine, where <paramref name="Bind"/> is every address of it.</param>
/// <param name="CheckpointRoot">Null: no checkpoint is served (a local agent's lie where its sweeps say).</param>
/// <param name="IsAlive">Whether a rank's process is not confirmed dead.</param>
internal sealed record ServingSettings(
    IPEndPoint Bind, string AnnouncedHost, string Node, string Version, string? CheckpointRoot, string LogDirectory, Func<RankKey, bool> IsAlive, TimeProvider Time);

/// <summary>
/// The agent's own small HTTP server: health, checkpoints for other agents, logs for people. It gives way to everything else on the machine:
/// few connections, fewer transfers at once, readers that are too slow are cut off.
/// </summary>
internal sealed class AgentHttpServer : IAsyncDisposable
{
    /// <summary>Followers of logs, scrapers, and agents that copy; whoever comes on top waits in the kernel's queue.</summary>
    private const int MaxConnections = 128;

    /// <summary>Requests here have no body.</summary>
    private const long MaxBodyBytes = 0;

    private readonly WebApplication _app;

    private AgentHttpServer(WebApplication app, string address) => (_app, Address) = (app, address);

    /// <summary><c>HOST:PORT</c> as others reach it.</summary>
    public string Address { get; }

    /// <exception cref="UserErrorException">The address cannot be listened on.</exception>
    public static async Task<AgentHttpServer> StartAsync(ServingSettings settings, ILoggerFactory logs)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());   // reads no environment, no file, no argument
        builder.Services.AddSingleton(logs);
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        builder.Services.AddRoutingCore();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(server =>
        {
            server.AddServerHeader = false;
            server.Limits.MaxConcurrentConnections = MaxConnections;
            server.Limits.MaxRequestBodySize = MaxBodyBytes;
            server.Limits.KeepAliveTimeout = TimeSpan.FromSeconds(30);
            server.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
            // A follower of a quiet log writes nothing and is not slow; one that takes less than this of what there is, is.
            server.Limits.MinResponseDataRate = new MinDataRate(bytesPerSecond: 4096, gracePeriod: TimeSpan.FromSeconds(10));
            server.Listen(settings.Bind, listen => listen.Protocols = HttpProtocols.Http1);
        });
        var app = builder.Build();
        app.MapGet("/healthz", context => context.Response.WriteAsJsonAsync(new { status = "ok", node = settings.Node, version = settings.Version }));
        if (settings.CheckpointRoot is { } root) app.MapCheckpoints(root);
        app.MapLogs(settings);
        try
        {
            await app.StartAsync();
        }
        catch (Exception error) when (error is IOException || error.GetBaseException() is System.Net.Sockets.SocketException)
        {
            await app.DisposeAsync();
            throw new UserErrorException($"--http: this agent cannot listen on {settings.Bind}: {error.GetBaseException().Message}. Name another HOST:PORT, or leave --http out: any free port will do.", error);
        }
        var bound = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());
        var isEveryAddress = settings.Bind.Address.Equals(IPAddress.Any) || settings.Bind.Address.Equals(IPAddress.IPv6Any);
        var host = isEveryAddress ? settings.AnnouncedHost : settings.Bind.Address.ToString();
        return new AgentHttpServer(app, host.Contains(':', StringComparison.Ordinal) ? $"[{host}]:{bound.Port}" : $"{host}:{bound.Port}");
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync(new CancellationToken(canceled: true));   // transfers are cut: who reads asks elsewhere
        await _app.DisposeAsync();
    }
}
