using System.Text.Json.Nodes;

namespace Volley.Cluster.Tests.MultiRank;

/// <summary>A group over several agents, each with a slot of its own, so with TCP between the ranks: agents die, and come back.</summary>
[Trait("Category", "Slow")]
[Collection(Groups.Name)]
public sealed class GroupClusterTests(GroupSweep sweep)
{
    [Fact]
    public async Task AMachineThatDies_IsReplacedByAnother_AndNoStepIsRepeated()
    {
        await using var cluster = await TestCluster.StartAsync();
        var agents = new Dictionary<string, ChildProgram>();
        foreach (var name in new[] { "n1", "n2", "n3" }) agents[name] = await cluster.JoinAsync(name);
        await cluster.SubmitAsync(GroupSweep.Name, GroupSweep.Yaml("ranks: 3"));
        var trial = await cluster.UntilTrialAsync(GroupSweep.Name, trial => IsTraining(trial) && trial["epochs"]!.AsArray().Count > 0, TinySweep.Patience);
        await cluster.JoinAsync("n4");
        ProcessTable.Send(agents["n2"].Pid, ProcessTable.SigKill);   // its rank dies with it
        trial = await cluster.UntilFinishedAsync(GroupSweep.Name);
        EqualsOneProcess(trial);
        Assert.DoesNotContain(trial["ranks"]!.AsArray(), rank => (string)rank!["node"]! == "n2");
        Assert.True((int)trial["attempt"]! >= 2, trial.ToString());
    }

    [Fact]
    public async Task WithoutAReplacement_FewerGoOn_AndMoreWhenASlotReturns()
    {
        await using var cluster = await TestCluster.StartAsync();
        var agents = new Dictionary<string, ChildProgram>();
        foreach (var name in new[] { "n1", "n2", "n3" }) agents[name] = await cluster.JoinAsync(name);
        await cluster.SubmitAsync(GroupSweep.Name, GroupSweep.Yaml("ranks: 3, min_ranks: 1, replace_wait: 0"));
        await cluster.UntilTrialAsync(GroupSweep.Name, IsTraining, TinySweep.Patience);
        ProcessTable.Send(agents["n1"].Pid, ProcessTable.SigKill);   // position 0
        await cluster.UntilTrialAsync(GroupSweep.Name, trial => (int)trial["attempt"]! >= 2 && IsTraining(trial) && trial["ranks"]!.AsArray().Count == 2, TinySweep.Patience);
        await cluster.JoinAsync("n4");
        var trial = await cluster.UntilFinishedAsync(GroupSweep.Name);
        EqualsOneProcess(trial);
    }

    private void EqualsOneProcess(JsonNode trial)
    {
        Assert.Equal("finished", (string)trial["state"]!);
        Assert.Equal(sweep.Weights, (string)trial["outcome"]!["weights_sha256"]!);
        Assert.Equal([1, 2, 3], trial["epochs"]!.AsArray().Select(epoch => (int)epoch!["epoch"]!));
        Assert.All(trial["attempts"]!.AsArray(), attempt => Assert.Equal(0, (long)attempt!["repeated_steps"]!));
    }

    private static bool IsTraining(JsonNode trial) => trial["attempts"]!.AsArray() is [.., { } newest] && newest["first_step_at"] is not null && (int)newest["attempt"]! == (int)trial["attempt"]!;
}
