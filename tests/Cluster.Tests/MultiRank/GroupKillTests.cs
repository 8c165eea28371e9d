using System.Text.Json.Nodes;

namespace Volley.Cluster.Tests.MultiRank;

/// <summary>Trials of three ranks on one machine, and ranks that die on the way: the same weights as one process alone, and no completed step twice.</summary>
[Collection(Groups.Name)]
public sealed class GroupKillTests(GroupSweep sweep) : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("vc-").FullName;

    public async ValueTask DisposeAsync()
    {
        foreach (var pid in ProcessTable.Of(_folder)) ProcessTable.TrySend(pid, ProcessTable.SigKill);
        await ProcessTable.UntilAsync(() => ProcessTable.Of(_folder).Count == 0, TimeSpan.FromSeconds(10), () => "killed processes are left");
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData("rank.mid-step=kill@25", 24)]                                  // gradients are there, weights are not updated
    [InlineData("rank.in-evaluation=kill@2", 36)]                              // of the second epoch: one batch a rank in the first
    [InlineData("checkpoint.before-rename=kill@2", 36)]
    [InlineData("rank.group-forming=kill", 0)]
    [InlineData("rank.mid-step=kill@25,rank.group-forming=kill@2", 24)]        // another one while the next group forms
    [Trait("Category", "Slow")]
    public async Task RanksThatDie_AreReplaced(string failpoints, int afterStep)
    {
        await using var run = Run("ranks: 3", slots: 3, failpoints);
        Assert.True(await run.ExitCodeAsync(TinySweep.Patience) == 0, run.Output);
        EqualsOneProcess();
        Assert.Equal(failpoints.Split(',').Length, Directory.GetFiles(Path.Combine(_folder, "fired")).Length);
        // The last group to form is not the first: each of these kills ends one, or keeps it from forming.
        Assert.Contains(Lines(), line => line.Contains("goes on after step", StringComparison.Ordinal) && !line.Contains("attempt 1:", StringComparison.Ordinal));
        // Survivors lose the step under way, or nothing.
        foreach (var survivor in Lines().Where(line => line.Contains("with what it had in memory", StringComparison.Ordinal)))
            Assert.InRange(long.Parse(survivor.Split("after step ")[1].Split(',')[0], System.Globalization.CultureInfo.InvariantCulture), afterStep - 1, afterStep + 2);
    }

    /// <summary>Whichever rank it is: all of the training is done, and one that had nothing to say is not missed.</summary>
    [Fact]
    [Trait("Category", "Slow")]
    public async Task ARankThatDiesWithItsLastWords_ChangesNoNumber()
    {
        await using var run = Run("ranks: 3", slots: 3, "rank.before-last-words=kill");
        Assert.True(await run.ExitCodeAsync(TinySweep.Patience) == 0, run.Output);
        EqualsOneProcess();
    }

    [Fact]
    public async Task ThreeRanks_TrainAsOneProcessDoes()
    {
        await using var run = Run("ranks: 3", slots: 3);
        Assert.True(await run.ExitCodeAsync(TinySweep.Patience) == 0, run.Output);
        EqualsOneProcess();
        Assert.DoesNotContain(Lines(), line => line.Contains("attempt 2", StringComparison.Ordinal));
    }

    private ChildProgram Run(string resources, int slots, string failpoints = "")
    {
        var file = Path.Combine(_folder, "group.yaml");
        File.WriteAllText(file, GroupSweep.Yaml(resources));
        Directory.CreateDirectory(Path.Combine(_folder, "fired"));
        var environment = failpoints.Length == 0 ? [] : new Dictionary<string, string> { ["VOLLEY_FAILPOINTS"] = failpoints, ["VOLLEY_FAILPOINTS_DIR"] = Path.Combine(_folder, "fired") };
        return ChildProgram.Start(ChildProgram.Volley, environment, "run", file, "--out", Path.Combine(_folder, "out"), "--slots", $"{slots}", "--data-root", Path.Combine(_folder, "data"));
    }

    private void EqualsOneProcess()
    {
        var results = JsonNode.Parse(File.ReadAllBytes(Path.Combine(_folder, "out", "results.json")))!;
        Assert.Equal(("finished", sweep.Weights), ((string)results["trials"]![0]!["state"]!, (string)results["trials"]![0]!["weights_sha256"]!));
        Assert.Equal([1, 2, 3], results["trials"]![0]!["epochs"]!.AsArray().Select(epoch => (int)epoch!["epoch"]!));
    }

    /// <summary>Of all ranks' logs.</summary>
    private string[] Lines() => [.. Directory.EnumerateFiles(Path.Combine(_folder, "out", "logs"), "*.r?.log", SearchOption.AllDirectories).SelectMany(File.ReadAllLines)];
}
