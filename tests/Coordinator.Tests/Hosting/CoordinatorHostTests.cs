using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Volley.Coordinator.Hosting;
using Volley.Coordinator.Journal;
using Volley.Shared;
using Volley.Shared.Messages;
using Volley.TestKit;

namespace Volley.Coordinator.Tests.Hosting;

/// <summary>Whole coordinators in this process: one, and three on a real PostgreSQL server. Kills and pauses need processes of their own: see Cluster.Tests.</summary>
public sealed class CoordinatorHostTests(PostgresServer server) : IClassFixture<PostgresServer>, IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private const string Sweep = """
        name: tiny
        train:
          dataset: { name: fashion-mnist }
          epochs: 1
          global_batch_size: 32
          optimizer: { name: adamw, lr: { values: [0.001] } }
          model: { name: resnet18, width: 8 }
        search: { algorithm: grid }
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("volley-test-").FullName;
    private readonly HttpClient _client = new() { Timeout = TimeSpan.FromSeconds(15) };

    public void Dispose()
    {
        _client.Dispose();
        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task OneCoordinator_IsReady_AndDescribesItsCluster()
    {
        var options = new CoordinatorOptions(Path.Combine(_folder, "journal"), Path.Combine(_folder, "logs")) { ClusterName = "lab" };
        await using (var coordinator = await StartAsync(options))
        {
            await UntilReadyAsync(coordinator, "leader");
            var view = (await _client.GetFromJsonAsync<ClusterView>(new Uri(coordinator.HttpAddress, ClusterView.Path), ClusterView.Json, TestContext.Current.CancellationToken))!;
            Assert.Equal((ClusterView.ProductName, "lab", CoordinatorHost.Version), (view.Product, view.ClusterName, view.Version));
            Assert.Equal(coordinator.SeedAddress, Assert.Single(view.Seeds));
            Assert.Equal(coordinator.SeedAddress, Assert.Single(view.Coordinators).Address);
        }

        var error = await Assert.ThrowsAsync<UserErrorException>(() => StartAsync(options with { ClusterName = "other" }));
        Assert.Contains("--cluster-name lab", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task OfThree_AnyAnswers_AndWhoLeavesHandsOver()
    {
        await server.CreateDatabaseAsync("three");
        int[] cluster = [FreePort(), FreePort(), FreePort()];
        Task<CoordinatorHost> Member(int i) => StartAsync(new CoordinatorOptions(Path.Combine(_folder, $"{i}"), Path.Combine(_folder, $"{i}"))
        {
            Journal = JournalOption.Parse(server.Url("three"), _folder, null),
            ClusterPort = cluster[i],
            HttpPort = FreePort(),
            Peers = [.. cluster.Select(port => $"127.0.0.1:{port}")],
        });
        var hosts = await Task.WhenAll(Member(0), Member(1), Member(2));
        try
        {
            foreach (var host in hosts) await UntilReadyAsync(host, role: null);
            var roles = await Task.WhenAll(hosts.Select(async host => (string)(await AskAsync(host, "/readyz")).Body!["role"]!));
            Assert.Single(roles, "leader");
            var leader = Array.IndexOf(roles, "leader");
            var (standby, other) = (hosts[(leader + 1) % 3], hosts[(leader + 2) % 3]);

            using (var submitted = await _client.PostAsJsonAsync(new Uri(standby.HttpAddress, "/api/v1/sweeps"), new { name = "tiny", file_name = "tiny.yaml", text = Sweep }, TestContext.Current.CancellationToken))
                Assert.True(submitted.StatusCode == HttpStatusCode.Created, await submitted.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
            Assert.Equal("tiny", (string?)(await AskAsync(other, "/api/v1/sweeps/tiny")).Body!["id"]);
            var missing = await AskAsync(other, "/api/v1/sweeps/nowhere");
            Assert.Equal(HttpStatusCode.NotFound, missing.Status);      // problem+json passes through too
            Assert.Contains("nowhere", (string?)missing.Body!["detail"], StringComparison.Ordinal);

            await hosts[leader].DisposeAsync();
            await Task.WhenAny(UntilReadyAsync(standby, "leader"), UntilReadyAsync(other, "leader"));
            await UntilReadyAsync(standby, role: null);
            Assert.Equal("tiny", (string?)(await AskAsync(standby, "/api/v1/sweeps/tiny")).Body!["id"]);
            Assert.False(standby.Abdication.IsCompleted || other.Abdication.IsCompleted);
        }
        finally
        {
            await Task.WhenAll(hosts.Select(host => host.DisposeAsync().AsTask()));
        }
    }

    private static Task<CoordinatorHost> StartAsync(CoordinatorOptions options) => CoordinatorHost.StartAsync(options, TimeProvider.System, TestContext.Current.CancellationToken);

    private async Task<(HttpStatusCode Status, JsonNode? Body)> AskAsync(CoordinatorHost host, string path)
    {
        using var answer = await _client.GetAsync(new Uri(host.HttpAddress, path), TestContext.Current.CancellationToken);
        return (answer.StatusCode, JsonNode.Parse(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)));
    }

    private async Task UntilReadyAsync(CoordinatorHost host, string? role)
    {
        using var ticks = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        var started = TimeProvider.System.GetTimestamp();
        while (true)
        {
            var (status, body) = await AskAsync(host, "/readyz");
            if (status == HttpStatusCode.OK && (role is null || (string?)body!["role"] == role)) return;
            if (TimeProvider.System.GetElapsedTime(started) > Patience) Assert.Fail($"Not ready: {body}");
            await ticks.WaitForNextTickAsync(TestContext.Current.CancellationToken);
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
