using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Volley.Cluster.Tests;

/// <summary>A coordinator and agents as processes on loopback, with storage that all of them see, in a folder of its own.</summary>
internal sealed partial class TestCluster : IAsyncDisposable
{
    private readonly List<ChildProgram> _programs = [];
    private readonly HttpClient _http;
    private string _seed = "";

    private TestCluster(string folder, ChildProgram coordinator, Uri http)
    {
        (Folder, Coordinator) = (folder, coordinator);
        _http = new HttpClient { BaseAddress = http, Timeout = TimeSpan.FromSeconds(30) };
        _programs.Add(coordinator);
    }

    public string Folder { get; }

    public ChildProgram Coordinator { get; }

    /// <summary>Where failpoints that fired put their names (VOLLEY_FAILPOINTS_DIR).</summary>
    public string Fired => Path.Combine(Folder, "fired");

    /// <summary>Of the coordinator's actor system.</summary>
    public int ClusterPort => int.Parse(_seed[(_seed.LastIndexOf(':') + 1)..], System.Globalization.CultureInfo.InvariantCulture);

    public string Checkpoints => Path.Combine(Folder, "checkpoints");

    /// <summary>Else all agents see the same folder.</summary>
    public bool HasOneDiskPerAgent { get; set; }

    public string CheckpointsOf(string agent) => HasOneDiskPerAgent ? Path.Combine(Checkpoints, agent) : Checkpoints;

    public static async Task<TestCluster> StartAsync()
    {
        var folder = Directory.CreateTempSubdirectory("vc-").FullName;
        Directory.CreateDirectory(Path.Combine(folder, "fired"));
        var coordinator = ChildProgram.Start(ChildProgram.Volley, "serve", "--data", Path.Combine(folder, "serve"), "--http", "127.0.0.1:0", "--cluster", "127.0.0.1:0");
        var line = await coordinator.LineAsync(text => Address().IsMatch(text), TinySweep.Patience);
        var cluster = new TestCluster(folder, coordinator, new Uri(Address().Match(line).Groups["http"].Value));
        var view = JsonNode.Parse(await cluster._http.GetStringAsync("/api/v1/cluster", TestContext.Current.CancellationToken))!;
        cluster._seed = (string)view["seeds"]![0]!;
        return cluster;
    }

    /// <returns>Once the coordinator has accepted it.</returns>
    public async Task<ChildProgram> JoinAsync(string name, string failpoints = "", params string[] more)
    {
        var agent = ChildProgram.Start(
            ChildProgram.VolleyNode, failpoints.Length == 0 ? [] : new Dictionary<string, string> { ["VOLLEY_FAILPOINTS"] = failpoints, ["VOLLEY_FAILPOINTS_DIR"] = Fired },
            ["join", "--coordinator", _http.BaseAddress!.Authority, "--name", name, "--slots", "1", "--device", "cpu", "--run-dir", Path.Combine(Folder, "run"), "--checkpoint-root", CheckpointsOf(name),
             "--data-root", Path.Combine(Folder, "data"), "--log-dir", Path.Combine(Folder, "logs", name), .. more]);
        _programs.Add(agent);
        await agent.LineAsync(line => line.Contains($"{name} has joined", StringComparison.Ordinal), TinySweep.Patience);
        return agent;
    }

    public async Task SubmitAsync(string name, string yaml)
    {
        HttpResponseMessage answer;
        do answer = await _http.PostAsJsonAsync("/api/v1/sweeps", new { file_name = $"{name}.yaml", text = yaml }, TestContext.Current.CancellationToken);
        while (answer.StatusCode == HttpStatusCode.ServiceUnavailable);   // still starting: each try waits inside the coordinator
        Assert.True(answer.StatusCode is HttpStatusCode.Created, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    /// <summary>Trial 0 of a sweep, as the API shows it; null before it was made.</summary>
    public async Task<JsonNode?> TrialAsync(string sweep)
    {
        var answer = await _http.GetAsync($"/api/v1/sweeps/{sweep}/trials/0", TestContext.Current.CancellationToken);
        return answer.IsSuccessStatusCode ? JsonNode.Parse(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)) : null;
    }

    /// <summary>Asks until <paramref name="holds"/> of trial 0.</summary>
    public async Task<JsonNode> UntilTrialAsync(string sweep, Predicate<JsonNode> holds, TimeSpan timeout)
    {
        using var ticks = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        var started = TimeProvider.System.GetTimestamp();
        JsonNode? trial;
        while ((trial = await TrialAsync(sweep)) is null || !holds(trial))
        {
            if (TimeProvider.System.GetElapsedTime(started) > timeout) Assert.Fail($"{timeout.TotalSeconds} s passed; the trial: {trial}\n{string.Join("\n---\n", _programs.Select(program => program.Output))}");
            await ticks.WaitForNextTickAsync(TestContext.Current.CancellationToken);
        }
        return trial;
    }

    public Task<JsonNode> UntilFinishedAsync(string sweep) => UntilTrialAsync(sweep, trial => (string)trial["state"]! is "finished" or "failed", TinySweep.Patience);

    /// <returns>The process in which that failpoint fired.</returns>
    public async Task<int> UntilFiredAsync(string failpoint)
    {
        var file = Path.Combine(Fired, failpoint);
        await ProcessTable.UntilAsync(() => File.Exists(file), TinySweep.Patience, () => string.Join("\n---\n", _programs.Select(program => program.Output)));
        return int.Parse(await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken));
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        foreach (var pid in ProcessTable.Of(Folder)) ProcessTable.TrySend(pid, ProcessTable.SigKill);
        foreach (var program in _programs) await program.DisposeAsync();
        await ProcessTable.UntilAsync(() => ProcessTable.Of(Folder).Count == 0, TimeSpan.FromSeconds(10), () => "killed processes are left");
        Directory.Delete(Folder, recursive: true);
    }

    [GeneratedRegex(@"HTTP API at (?<http>\S+?)/?;")]
    private static partial Regex Address();
}
