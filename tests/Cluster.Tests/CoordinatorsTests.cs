using System.Net;
using System.Net.Http.Json;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Volley.TestKit;
using static Volley.Cluster.Tests.ProcessTable;

namespace Volley.Cluster.Tests;

/// <summary>
/// Three coordinators on one PostgreSQL journal, as processes: whoever is stopped, killed or asked to go, another is in charge within 20 s, and
/// the rank that trains all the while is never interrupted. They use this machine's own address, not loopback, because members on
/// loopback get a more patient failure detector: here the one of production is what is tested.
/// </summary>
[Trait("Category", "Slow")]
public sealed class CoordinatorsTests(PostgresServer journal) : IClassFixture<PostgresServer>, IAsyncDisposable
{
    private const int SigStop = 19;
    private const int SigCont = 18;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>Issue 3: with a standby ≤ 20 s.</summary>
    private static readonly TimeSpan TakeOverLimit = TimeSpan.FromSeconds(20);

    private readonly string _folder = Directory.CreateTempSubdirectory("vc-").FullName;
    private readonly string _host = OwnAddress();
    private readonly int[] _http = [FreePort(), FreePort(), FreePort()];
    private readonly int[] _cluster = [FreePort(), FreePort(), FreePort()];
    private readonly ChildProgram?[] _coordinators = new ChildProgram?[3];
    private readonly HttpClient _client = new() { Timeout = TimeSpan.FromSeconds(2) };

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        foreach (var pid in Of(_folder)) TrySend(pid, SigKill);
        await ProcessTable.UntilAsync(() => Of(_folder).Count == 0, TimeSpan.FromSeconds(10), () => "killed processes are left");
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task WhoeverIsInCharge_IsReplaced_AndTheRankTrainsOn()
    {
        for (var i = 0; i < 3; i++) Serve(i);
        for (var i = 0; i < 3; i++) await UntilReadyAsync(i);
        await using var agent = ChildProgram.Start(
            ChildProgram.VolleyNode, "join", "--coordinator", string.Join(',', _http.Select(port => $"{_host}:{port}")), "--name", "n1", "--slots", "1", "--device", "cpu",
            "--run-dir", Path.Combine(_folder, "run"), "--data-root", Path.Combine(_folder, "cache"), "--checkpoint-root", Path.Combine(_folder, "checkpoints"), "--log-dir", Path.Combine(_folder, "logs"));
        await agent.LineAsync(line => line.Contains("n1 has joined", StringComparison.Ordinal), Patience);
        var first = await LeaderAsync(except: null, Patience);
        var (second, third) = ((first + 1) % 3, (first + 2) % 3);

        // Any coordinator takes it, and any answers.
        using (var submitted = await _client.PostAsJsonAsync(Url(second, "/api/v1/sweeps"), new { name = "long", file_name = "long.yaml", text = LongSweep }, TestContext.Current.CancellationToken))
            Assert.Equal(HttpStatusCode.Created, submitted.StatusCode);
        var rank = await RunningAsync(third, Patience);
        foreach (var i in new[] { first, second, third }) Assert.Equal(rank, await RunningAsync(i, Patience));

        // Stopped past the detector, and continued: it was replaced, notices, and ends without having changed anything.
        Send(_coordinators[first]!.Pid, SigStop);
        var next = await LeaderAsync(except: first, TakeOverLimit);
        Assert.Equal(rank, await RunningAsync(next, Patience));
        Send(_coordinators[first]!.Pid, SigCont);
        Assert.Equal(2, await _coordinators[first]!.ExitCodeAsync(Patience));
        Assert.Matches("no longer in charge|has taken over|have removed this one", _coordinators[first]!.Output);
        Assert.Equal(next, await LeaderAsync(except: first, Patience));
        Assert.Equal(rank, await RunningAsync(next, Patience));
        Serve(first);
        await UntilReadyAsync(first);

        // Asked to go: it hands over.
        Send(_coordinators[next]!.Pid, SigTerm);
        var after = await LeaderAsync(except: next, TakeOverLimit);
        Assert.Equal(0, await _coordinators[next]!.ExitCodeAsync(TakeOverLimit));
        Assert.Equal(rank, await RunningAsync(after, Patience));
        Serve(next);
        await UntilReadyAsync(next);

        // Killed.
        Send(_coordinators[after]!.Pid, SigKill);
        var last = await LeaderAsync(except: after, TakeOverLimit);
        Assert.Equal(rank, await RunningAsync(last, Patience));
    }

    private const string LongSweep = """
        name: long
        seed: 7
        search: { algorithm: grid }
        resources: { ranks: 1, threads_per_rank: 1, device: cpu }
        train:
          dataset: { name: fashion-mnist, val_fraction: 0.1, limit_train: 4000, limit_test: 100 }
          epochs: 1000
          global_batch_size: 32
          optimizer: { name: adamw, lr: { values: [0.001] } }
          model: { name: resnet18, width: 4 }
        """;

    private void Serve(int i) => _coordinators[i] = ChildProgram.Start(
        ChildProgram.Volley, "serve", "--data", Path.Combine(_folder, $"data{i}"), "--http", $"{_host}:{_http[i]}", "--cluster", $"{_host}:{_cluster[i]}",
        "--peers", string.Join(',', _cluster.Select(port => $"{_host}:{port}")), "--journal", journal.Url());

    private async Task UntilReadyAsync(int i) =>
        await UntilAsync(async () => (await AskAsync(i, "/readyz"))?["status"] is { } status && (string)status! == "ready", Patience, $"coordinator {i} is not ready: {_coordinators[i]!.Output}");

    /// <summary>Attempt and process of the rank, once the coordinator knows that it runs.</summary>
    private async Task<(int Attempt, int Pid)> RunningAsync(int i, TimeSpan limit)
    {
        (int, int)? found = null;
        await UntilAsync(
            async () =>
            {
                var trial = (await AskAsync(i, "/api/v1/sweeps/long?changed_since=-1"))?["changed"]?.AsArray().FirstOrDefault();
                if (trial?["ranks"]?.AsArray().FirstOrDefault()?["pid"] is { } pid) found = ((int)trial["attempt"]!, (int)pid);
                return found is not null;
            },
            limit, $"no rank is known to run at coordinator {i}: {_coordinators[i]!.Output}");
        return found!.Value;
    }

    private async Task<int> LeaderAsync(int? except, TimeSpan limit)
    {
        var leader = -1;
        await UntilAsync(
            async () =>
            {
                for (var i = 0; i < 3 && leader < 0; i++)
                    if (i != except && await AskAsync(i, "/readyz") is { } answer && (string?)answer["role"] == "leader" && (string?)answer["status"] == "ready") leader = i;
                return leader >= 0;
            },
            limit, $"nobody else is in charge: {string.Join("\n---\n", _coordinators.Select(coordinator => coordinator!.Output))}");
        return leader;
    }

    private async Task<JsonNode?> AskAsync(int i, string path)
    {
        try
        {
            using var answer = await _client.GetAsync(Url(i, path), TestContext.Current.CancellationToken);
            return answer.IsSuccessStatusCode ? JsonNode.Parse(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)) : null;
        }
        catch (Exception error) when (error is HttpRequestException || (error is OperationCanceledException && !TestContext.Current.CancellationToken.IsCancellationRequested))
        {
            return null;    // it starts, is stopped, or has ended
        }
    }

    private Uri Url(int i, string path) => new($"http://{_host}:{_http[i]}{path}");

    private static async Task UntilAsync(Func<Task<bool>> holds, TimeSpan limit, string orElse)
    {
        using var ticks = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        var started = TimeProvider.System.GetTimestamp();
        while (!await holds())
        {
            if (TimeProvider.System.GetElapsedTime(started) > limit) Assert.Fail($"{limit.TotalSeconds} s passed: {orElse}");
            await ticks.WaitForNextTickAsync(TestContext.Current.CancellationToken);
        }
    }

    private static string OwnAddress()
    {
        var own = NetworkInterface.GetAllNetworkInterfaces()
            .Where(network => network.OperationalStatus == OperationalStatus.Up && network.NetworkInterfaceType != NetworkInterfaceType.Loopback)
            .SelectMany(network => network.GetIPProperties().UnicastAddresses)
            .FirstOrDefault(address => address.Address.AddressFamily == AddressFamily.InterNetwork);
        if (own is null) SharedFiles.SkipOrFail("This machine has no address besides loopback.");
        return own?.Address.ToString() ?? "127.0.0.1";
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
