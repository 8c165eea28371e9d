using System.Text.Json.Nodes;

namespace Volley.Cluster.Tests.MultiRank;

/// <summary>A group over two machines (network namespaces): the link between its ranks is cut and comes back, then a rank is killed.</summary>
[Trait("Category", "Slow")]
[Collection(Groups.Name)]
public sealed class GroupNetworkTests(GroupSweep sweep) : IAsyncDisposable
{
    private const string Subnet = "10.78.9";

    private readonly string _folder = Directory.CreateTempSubdirectory("vc-").FullName;
    private readonly List<ChildProgram> _programs = [];

    public async ValueTask DisposeAsync()
    {
        foreach (var pid in ProcessTable.Of(_folder)) ProcessTable.TrySend(pid, ProcessTable.SigKill);
        foreach (var program in _programs) await program.DisposeAsync();
        await ProcessTable.UntilAsync(() => ProcessTable.Of(_folder).Count == 0, TimeSpan.FromSeconds(10), () => "killed processes are left");
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task ACutLink_AndAKilledRank_CostNoCompletedStep()
    {
        using var network = new TestNetwork(Subnet, 1, 2, 3);
        var coordinator = Start(network.On(1), ChildProgram.Volley, "serve", "--data", Path.Combine(_folder, "serve"), "--http", $"{Subnet}.1:8600", "--cluster", $"{Subnet}.1:8601");
        await coordinator.LineAsync(line => line.Contains("HTTP API at", StringComparison.Ordinal), TinySweep.Patience);
        foreach (var (name, host) in new[] { ("n2", 2), ("n3", 3) })
        {
            var agent = Start(network.On(host), ChildProgram.VolleyNode, "join", "--coordinator", $"{Subnet}.1:8600", "--name", name, "--slots", name == "n2" ? "2" : "1", "--device", "cpu",
                "--run-dir", Path.Combine(_folder, "run"), "--checkpoint-root", Path.Combine(_folder, "checkpoints"), "--data-root", Path.Combine(_folder, "data"), "--log-dir", Path.Combine(_folder, "logs", name));
            await agent.LineAsync(line => line.Contains($"{name} has joined", StringComparison.Ordinal), TinySweep.Patience);
        }
        var file = Path.Combine(_folder, "group.yaml");
        await File.WriteAllTextAsync(file, GroupSweep.Yaml("ranks: 3, min_ranks: 1, replace_wait: 3"), TestContext.Current.CancellationToken);
        var submit = Start(network.On(1), ChildProgram.Volley, "sweep", "submit", file, "--coordinator", $"{Subnet}.1:8600");
        Assert.True(await submit.ExitCodeAsync(TinySweep.Patience) == 0, submit.Output);

        await UntilLineAsync(line => line.Contains("attempt 1: goes on", StringComparison.Ordinal));
        network.SetLink(3, isUp: false);      // silent: no reset, nothing arrives
        // Two ranks of one machine notice by the heartbeat, and go on by themselves.
        await UntilLineAsync(line => line.Contains("with what it had in memory", StringComparison.Ordinal));
        network.SetLink(3, isUp: true);
        await UntilLineAsync(line => line.Contains("epoch 1,", StringComparison.Ordinal));
        ProcessTable.Send(ProcessTable.Of(_folder, "rank")[0], ProcessTable.SigKill);

        var state = await UntilFinishedAsync(network);
        Assert.Equal("finished", (string)state["state"]!);
        Assert.Equal(sweep.Weights, (string)state["outcome"]!["weights_sha256"]!);
        Assert.All(state["attempts"]!.AsArray(), attempt => Assert.Equal(0, (long)attempt!["repeated_steps"]!));
        Assert.Contains(Lines(), line => line.Contains("exchange gradients over shared memory on each machine and TCP between them", StringComparison.Ordinal));
    }

    private ChildProgram Start(string[] on, string program, params string[] arguments)
    {
        var started = ChildProgram.Start(on[0], [.. on[1..], program, .. arguments]);
        _programs.Add(started);
        return started;
    }

    private async Task<JsonNode> UntilFinishedAsync(TestNetwork network)
    {
        using var ticks = new PeriodicTimer(TimeSpan.FromSeconds(1));
        var started = TimeProvider.System.GetTimestamp();
        while (true)
        {
            var describe = Start(network.On(1), ChildProgram.Volley, "trial", "describe", $"{GroupSweep.Name}/0", "--json", "--coordinator", $"{Subnet}.1:8600");
            if (await describe.ExitCodeAsync(TinySweep.Patience) == 0 && (string)JsonNode.Parse(describe.Output)!["state"]! is "finished" or "failed")
                return JsonNode.Parse(describe.Output)!;
            Assert.True(TimeProvider.System.GetElapsedTime(started) < TinySweep.Patience, string.Join("\n---\n", _programs.Select(program => program.Output)) + string.Join('\n', Lines()));
            await ticks.WaitForNextTickAsync(TestContext.Current.CancellationToken);
        }
    }

    private Task UntilLineAsync(Func<string, bool> isMeant) => ProcessTable.UntilAsync(() => Lines().Any(isMeant), TinySweep.Patience, () => string.Join('\n', Lines()));

    private string[] Lines() =>
        Directory.Exists(Path.Combine(_folder, "logs")) ? [.. Directory.EnumerateFiles(Path.Combine(_folder, "logs"), "*.r?.log", SearchOption.AllDirectories).SelectMany(File.ReadAllLines)] : [];
}
