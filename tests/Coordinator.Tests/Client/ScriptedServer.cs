using System.Net;
using System.Net.Sockets;
using System.Text;
using Volley.Coordinator.Hosting;

namespace Volley.Coordinator.Tests.Client;

/// <summary>Answers each connection with the next of some scripted bytes, whatever was asked; null: takes the connection and says nothing.</summary>
internal sealed class ScriptedServer : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly List<TcpClient> _silent = [];
    private readonly CancellationTokenSource _ending = new();
    private readonly Task _serving;
    private int _asked;

    /// <param name="answers">The last one is repeated.</param>
    public ScriptedServer(params byte[]?[] answers)
    {
        _listener.Start();
        _serving = ServeAsync(answers);
    }

    public string Address => $"127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    public int Asked => Volatile.Read(ref _asked);

    public static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    public static byte[] Answer(int status, string contentType, string body, string? version = "", string more = "")
    {
        var header = version is null ? "" : $"volley-version: {(version.Length > 0 ? version : CoordinatorHost.Version)}\r\n";
        return Bytes($"HTTP/1.1 {status} X\r\n{header}{more}Content-Type: {contentType}\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\nConnection: close\r\n\r\n{body}");
    }

    public void Dispose()
    {
        _ending.Cancel();
        _serving.GetAwaiter().GetResult();
        _listener.Stop();
        foreach (var client in _silent) client.Dispose();
        _ending.Dispose();
    }

    private async Task ServeAsync(byte[]?[] answers)
    {
        while (true)
        {
            TcpClient client;
            try
            {
                client = await _listener.AcceptTcpClientAsync(_ending.Token);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            var answer = answers[Math.Min(Asked, answers.Length - 1)];
            Interlocked.Increment(ref _asked);
            if (answer is null)
            {
                _silent.Add(client);
                continue;
            }
            using (client)
            {
                try
                {
                    var stream = client.GetStream();
                    await stream.ReadAtLeastAsync(new byte[4096], 1, throwOnEndOfStream: false, _ending.Token);
                    await stream.WriteAsync(answer);
                    client.Client.Shutdown(SocketShutdown.Send);
                    while (await stream.ReadAsync(new byte[4096], _ending.Token) > 0) { }
                }
                catch (Exception error) when (error is IOException or OperationCanceledException)
                {
                    // The client had heard enough, or the test is over.
                }
            }
        }
    }
}
