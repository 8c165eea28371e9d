using static Volley.Cluster.Tests.ProcessTable;

namespace Volley.Cluster.Tests.Recovery;

/// <summary>DESIGN §3, row "SIGTERM / spot notice": ranks stop at their next step, save, report, and their trials move; nothing is done twice.</summary>
[Trait("Category", "Slow")]
[Collection(Recoveries.Name)]
public sealed class GracefulTests(OneTrial undisturbed)
{
    private static readonly TimeSpan Promised = TimeSpan.FromSeconds(20);

    /// <summary>The rank halts itself where the test wants it; it goes on once its agent has been told to leave.</summary>
    [Theory]
    [InlineData("rank.first-epoch=stop@20")]
    [InlineData("rank.in-evaluation=stop@2")]
    [InlineData("rank.mid-step=stop@60")]
    public async Task ATermSignal_MovesTheTrial_AndNoStepIsRepeated(string failpoint)
    {
        await using var cluster = await TestCluster.StartAsync();
        var agents = new Dictionary<string, ChildProgram> { ["n1"] = await cluster.JoinAsync("n1", failpoint), ["n2"] = await cluster.JoinAsync("n2", failpoint) };
        await cluster.SubmitAsync(OneTrial.Name, OneTrial.Yaml);
        var rank = await cluster.UntilFiredAsync(failpoint.Split('=')[0]);
        var trial = await cluster.UntilTrialAsync(OneTrial.Name, trial => OneTrial.IsRank(trial, rank), TinySweep.Patience);
        var agent = agents[(string)trial["node"]!];

        var askedAt = TimeProvider.System.GetUtcNow();
        Send(agent.Pid, SigTerm);
        await agent.LineAsync(line => line.StartsWith("Stopping", StringComparison.Ordinal), TinySweep.Patience);
        Send(rank, SigCont);
        Assert.Equal(0, await agent.ExitCodeAsync(Promised));
        var left = TimeProvider.System.GetUtcNow() - askedAt;
        TestContext.Current.TestOutputHelper?.WriteLine($"SIGTERM at {failpoint}: the agent left after {left.TotalSeconds:0.00} s");

        var end = await cluster.UntilFinishedAsync(OneTrial.Name);
        undisturbed.EqualsUndisturbed(end);
        OneTrial.Recovery(end, 2, askedAt, $"SIGTERM at {failpoint}");
        var (first, second) = (OneTrial.Attempt(end, 1), OneTrial.Attempt(end, 2));
        Assert.Equal("stopped", (string)first["end"]!);
        Assert.Equal((long)first["last_step"]!, (long)second["start_step"]!);
        Assert.All(end["attempts"]!.AsArray(), attempt => Assert.Equal(0, (long)attempt!["repeated_steps"]!));
        Assert.NotEqual((string)first["node"]!, (string)second["node"]!);
    }

    [Fact]
    public async Task ASecondSignal_DoesNotWaitForARankThatDoesNotStop()
    {
        const string hangs = "rank.mid-step=stop@60";
        await using var cluster = await TestCluster.StartAsync();
        var agents = new Dictionary<string, ChildProgram> { ["n1"] = await cluster.JoinAsync("n1", hangs), ["n2"] = await cluster.JoinAsync("n2", hangs) };
        await cluster.SubmitAsync(OneTrial.Name, OneTrial.Yaml);
        var rank = await cluster.UntilFiredAsync("rank.mid-step");
        var trial = await cluster.UntilTrialAsync(OneTrial.Name, trial => OneTrial.IsRank(trial, rank), TinySweep.Patience);
        var agent = agents[(string)trial["node"]!];
        Send(agent.Pid, SigTerm);
        await agent.LineAsync(line => line.StartsWith("Stopping", StringComparison.Ordinal), TinySweep.Patience);
        Send(agent.Pid, SigTerm);
        Assert.Equal(0, await agent.ExitCodeAsync(TimeSpan.FromSeconds(10)));   // well before the drain timeout
        Assert.DoesNotContain(rank, Of(cluster.Folder, "rank"));
        undisturbed.EqualsUndisturbed(await cluster.UntilFinishedAsync(OneTrial.Name));
    }

    [Fact]
    public async Task TheDrainTimeout_EndsTheWait_ForARankThatDoesNotStop()
    {
        const string hangs = "rank.mid-step=stop@60";
        await using var cluster = await TestCluster.StartAsync();
        var agents = new Dictionary<string, ChildProgram>
        {
            ["n1"] = await cluster.JoinAsync("n1", hangs, "--drain-timeout", "2"),
            ["n2"] = await cluster.JoinAsync("n2", hangs, "--drain-timeout", "2"),
        };
        await cluster.SubmitAsync(OneTrial.Name, OneTrial.Yaml);
        var rank = await cluster.UntilFiredAsync("rank.mid-step");
        var trial = await cluster.UntilTrialAsync(OneTrial.Name, trial => OneTrial.IsRank(trial, rank), TinySweep.Patience);
        var agent = agents[(string)trial["node"]!];
        Send(agent.Pid, SigTerm);
        Assert.Equal(0, await agent.ExitCodeAsync(TimeSpan.FromSeconds(10)));
        var end = await cluster.UntilFinishedAsync(OneTrial.Name);
        undisturbed.EqualsUndisturbed(end);
        Assert.Equal("lost", (string)OneTrial.Attempt(end, 1)["end"]!);
    }
}
