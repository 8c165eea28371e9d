using System.Net;
using System.Net.Sockets;
using System.Text;
using Volley.Shared.Messages;
using static Volley.Cluster.Tests.ProcessTable;

namespace Volley.Cluster.Tests;

/// <summary><c>volley join --coordinator</c>: right and wrong addresses, as the person who types them meets them.</summary>
public sealed class JoinCoordinatorTests : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly string _folder = Directory.CreateTempSubdirectory("vc-").FullName;

    public async ValueTask DisposeAsync()
    {
        foreach (var pid in Of(_folder)) Send(pid, SigKill);
        await UntilAsync(() => Of(_folder).Count == 0, TimeSpan.FromSeconds(10), () => "killed processes are left");
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>")]
    [InlineData("SSH-2.0-OpenSSH_9.2\r\n\r\n")]
    public async Task WhatIsNoCoordinator_IsOneMessageAndCode2(string answer)
    {
        using var server = new AnswerServer(answer);
        await using var join = Join(server.Address);
        Assert.Equal(2, await join.ExitCodeAsync(Patience));
        Assert.Contains(server.Address, join.Output, StringComparison.Ordinal);
        Assert.Contains("volley serve --http", join.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", join.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("other", "0.1.0", "--cluster-name other")]
    [InlineData("volley", "0.0.9", "install the same version")]
    public async Task AnotherClusterOrVersion_IsRefusedWithTheReason(string cluster, string version, string expected)
    {
        var view = new ClusterView
        {
            Product = ClusterView.ProductName, Version = version, ClusterName = cluster, Seeds = ["akka.tcp://volley@127.0.0.1:1"], Coordinators = [new CoordinatorMember("akka.tcp://volley@127.0.0.1:1", 1)],
        };
        var json = System.Text.Json.JsonSerializer.Serialize(view, ClusterView.Json);
        using var server = new AnswerServer($"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {json.Length}\r\nConnection: close\r\n\r\n{json}");
        await using var join = Join(server.Address);
        Assert.Equal(2, await join.ExitCodeAsync(Patience));
        Assert.Contains(expected, join.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ALateCoordinator_IsWaitedFor_AndFound()
    {
        var (http, cluster) = (FreePort(), FreePort());
        await using var join = Join($"127.0.0.1:{http}");
        var line = await join.LineAsync(line => line.Contains("No coordinator answers yet", StringComparison.Ordinal), Patience);
        Assert.Contains($"127.0.0.1:{http}", line, StringComparison.Ordinal);
        await using var serve = ChildProgram.Start(ChildProgram.Volley, "serve", "--data", Path.Combine(_folder, "data"), "--http", $"127.0.0.1:{http}", "--cluster", $"127.0.0.1:{cluster}");
        await join.LineAsync(line => line.Contains("n1 has joined", StringComparison.Ordinal), Patience);
        Send(join.Pid, SigTerm);
        Assert.Equal(0, await join.ExitCodeAsync(TimeSpan.FromSeconds(20)));
    }

    [Fact]
    public async Task ACoordinatorThatEndedInGoodOrder_AndIsStartedAgain_IsFoundAtOnce()
    {
        var (http, cluster) = (FreePort(), FreePort());
        ChildProgram Serve() => ChildProgram.Start(ChildProgram.Volley, "serve", "--data", Path.Combine(_folder, "data"), "--http", $"127.0.0.1:{http}", "--cluster", $"127.0.0.1:{cluster}");
        await using var first = Serve();
        await using var join = Join($"127.0.0.1:{http}");
        await join.LineAsync(line => line.Contains("n1 has joined", StringComparison.Ordinal), Patience);
        Send(first.Pid, SigTerm);
        Assert.Equal(0, await first.ExitCodeAsync(Patience));

        await using var second = Serve();
        await second.LineAsync(line => line.Contains("HTTP API", StringComparison.Ordinal), Patience);
        using var client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{http}") };
        // It was a member of the first one's cluster, which went on without a coordinator.
        var started = TimeProvider.System.GetTimestamp();
        using var ticks = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        for (var nodes = ""; !nodes.Contains("\"n1\"", StringComparison.Ordinal);)
        {
            Assert.True(TimeProvider.System.GetElapsedTime(started) < TimeSpan.FromSeconds(30), $"{nodes}\n{join.Output}");
            await ticks.WaitForNextTickAsync(TestContext.Current.CancellationToken);
            using var answer = await client.GetAsync("/api/v1/nodes", TestContext.Current.CancellationToken);
            nodes = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        }
    }

    private ChildProgram Join(string coordinator) => ChildProgram.Start(
        ChildProgram.VolleyNode, "join", "--coordinator", coordinator, "--name", "n1", "--device", "cpu", "--slots", "1",
        "--run-dir", Path.Combine(_folder, "run"), "--log-dir", Path.Combine(_folder, "logs"), "--checkpoint-root", Path.Combine(_folder, "checkpoints"), "--data-root", Path.Combine(_folder, "data-root"));

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>Says the same to whoever connects.</summary>
    private sealed class AnswerServer : IDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);

        public AnswerServer(string answer)
        {
            _listener.Start();
            _ = ServeAsync(Encoding.ASCII.GetBytes(answer));
        }

        public string Address => $"127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

        public void Dispose() => _listener.Dispose();

        private async Task ServeAsync(byte[] answer)
        {
            try
            {
                while (true)
                {
                    using var client = await _listener.AcceptTcpClientAsync(TestContext.Current.CancellationToken);
                    await using var stream = client.GetStream();
                    _ = await stream.ReadAsync(new byte[4096], TestContext.Current.CancellationToken);
                    await stream.WriteAsync(answer, TestContext.Current.CancellationToken);
                }
            }
            catch (Exception error) when (error is SocketException or IOException or ObjectDisposedException or OperationCanceledException)
            {
                // The test is over.
            }
        }
    }
}
