using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Volley.GpuNode.Tests.Data.Sources;

/// <summary>A web server on loopback that misbehaves as told: each connection is answered by the next script.</summary>
internal sealed class LoopbackServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Queue<Func<Request, NetworkStream, CancellationToken, Task>> _scripts;
    private readonly Task _loop;

    public LoopbackServer(params Func<Request, NetworkStream, CancellationToken, Task>[] scripts)
    {
        _scripts = new(scripts);
        _listener.Start();
        _loop = AcceptAsync();
    }

    public Uri Address => new($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/files/set.tar.gz");

    public List<Request> Requests { get; } = [];

    /// <summary>Sends the file, honouring a range; cuts the connection after <paramref name="cutAfter"/> bytes of body.</summary>
    public static Func<Request, NetworkStream, CancellationToken, Task> Send(byte[] file, int? cutAfter = null, bool supportsRange = true) => async (request, stream, stop) =>
    {
        var start = supportsRange ? request.RangeStart ?? 0 : 0;
        var head = start >= file.Length && start > 0
            ? $"HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */{file.Length}\r\nContent-Length: 0\r\n\r\n"
            : start > 0
                ? $"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {start}-{file.Length - 1}/{file.Length}\r\nContent-Length: {file.Length - start}\r\n\r\n"
                : $"HTTP/1.1 200 OK\r\nContent-Length: {file.Length}\r\n\r\n";
        await stream.WriteAsync(Encoding.ASCII.GetBytes(head), stop);
        if (start >= file.Length) return;
        var body = file.AsMemory(start);
        await stream.WriteAsync(cutAfter is { } bytes ? body[..Math.Min(bytes, body.Length)] : body, stop);
    };

    public static Func<Request, NetworkStream, CancellationToken, Task> Status(int code) => async (_, stream, stop) =>
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 {code} Something\r\nContent-Length: 0\r\n\r\n"), stop);

    /// <summary>Sends the head and a few bytes, then nothing, until the client leaves.</summary>
    public static Func<Request, NetworkStream, CancellationToken, Task> Stall(byte[] file, int after) => async (asked, stream, stop) =>
    {
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Length: {file.Length}\r\n\r\n"), stop);
        await stream.WriteAsync(file.AsMemory(0, after), stop);
        var gone = new byte[1];
        try
        {
            _ = await stream.ReadAsync(gone, stop);
        }
        catch (IOException)
        {
            // Reset instead of closed: gone all the same.
        }
    };

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        try
        {
            await _loop;
        }
        catch (Exception ended) when (ended is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The end that was asked for.
        }
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (_scripts.TryDequeue(out var script))
        {
            using var client = await _listener.AcceptTcpClientAsync(_stop.Token);
            await using var stream = client.GetStream();
            var request = await ReadRequestAsync(stream);
            Requests.Add(request);
            await script(request, stream, _stop.Token);
        }
    }

    private async Task<Request> ReadRequestAsync(NetworkStream stream)
    {
        var text = new StringBuilder();
        var one = new byte[1];
        while (!text.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal) && await stream.ReadAsync(one, _stop.Token) == 1) text.Append((char)one[0]);
        var range = text.ToString().Split("\r\n").FirstOrDefault(line => line.StartsWith("Range: bytes=", StringComparison.OrdinalIgnoreCase));
        return new(range is null ? null : int.Parse(range["Range: bytes=".Length..].TrimEnd('-'), CultureInfo.InvariantCulture));
    }

    internal sealed record Request(int? RangeStart);
}
