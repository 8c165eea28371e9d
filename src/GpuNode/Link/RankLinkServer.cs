using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Volley.GpuNode.Processes;

namespace Volley.GpuNode.Link;

/// <summary>The agent's socket: gRPC over HTTP/2 on a Unix domain socket in a directory that only this user can enter.</summary>
internal sealed class RankLinkServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly RankLinkService _service;

    private RankLinkServer(WebApplication app, RankLinkService service, string path) => (_app, _service, Path) = (app, service, path);

    public string Path { get; }

    /// <inheritdoc cref="RankLinkService.Refused"/>
    public long Refused => _service.Refused;

    /// <param name="path">Removed first if it is there: the caller holds the directory's lock.</param>
    public static async Task<RankLinkServer> StartAsync(string path, LinkTimeouts timeouts, ILoggerFactory logs)
    {
        File.Delete(path);
        var service = new RankLinkService(timeouts, logs.CreateLogger<RankLinkService>());
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());   // reads no environment, no file, no argument
        builder.Services.AddSingleton(logs);
        builder.Services.AddSingleton(service);
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        builder.Services.AddGrpc();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(server =>
        {
            server.Limits.KeepAliveTimeout = timeouts.Hello;   // of connections without a call: whoever dials and says nothing, or rubbish
            server.ListenUnixSocket(path, listen =>
            {
                listen.Protocols = HttpProtocols.Http2;
                listen.Use(next => async connection =>
                {
                    var socket = connection.Features.GetRequiredFeature<IConnectionSocketFeature>().Socket;
                    var peer = PeerCredentials.Of(socket);
                    if (peer.User != Posix.EffectiveUser())
                    {
                        service.CountStranger(peer);
                        connection.Abort();
                        return;
                    }
                    var feature = new PeerFeature(peer);
                    connection.Features.Set(feature);
                    try
                    {
                        await next(connection);
                    }
                    finally
                    {
                        if (!feature.HasCalled) service.CountStranger(peer);
                    }
                });
            });
        });
        var app = builder.Build();
        app.MapGrpcService<RankLinkService>();
        await app.StartAsync();
        return new RankLinkServer(app, service, path);
    }

    /// <summary>From now on that rank may attach, with the session's secret and from the process it is spawned as.</summary>
    public RankSession Expect(RankKey key) => _service.Expect(key);

    public void Forget(RankSession session) => _service.Forget(session);

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync(new CancellationToken(canceled: true));   // open calls are cut: their ranks end
        await _app.DisposeAsync();
        File.Delete(Path);
    }
}
