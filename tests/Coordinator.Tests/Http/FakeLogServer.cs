using System.Net;

namespace Volley.Coordinator.Tests.Http;

/// <summary>An agent's <c>GET /logs/{sweep}/{trial}</c>, as far as the coordinator needs it.</summary>
internal sealed class FakeLogServer : IDisposable
{
    private readonly HttpListener _listener = new();
    private readonly Task _serving;

    public FakeLogServer()
    {
        // HttpListener takes no port 0: ask the system for a free one.
        using (var probe = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0))
        {
            probe.Start();
            Address = $"127.0.0.1:{((IPEndPoint)probe.LocalEndpoint).Port}";
        }
        _listener.Prefixes.Add($"http://{Address}/");
        _listener.Start();
        _serving = ServeAsync();
    }

    public string Address { get; }

    public void Dispose()
    {
        _listener.Close();
        _serving.GetAwaiter().GetResult();
    }

    private async Task ServeAsync()
    {
        while (true)
        {
            HttpListenerContext context;
            try
            {
                context = await _listener.GetContextAsync();
            }
            catch (Exception error) when (error is HttpListenerException or ObjectDisposedException)
            {
                return;
            }
            using var response = context.Response;
            if (!context.Request.RawUrl!.StartsWith("/logs/", StringComparison.Ordinal)) response.StatusCode = 404;
            else await response.OutputStream.WriteAsync(System.Text.Encoding.UTF8.GetBytes($"asked for {context.Request.RawUrl}\nepoch 1 done\n"));
        }
    }
}
