using static Volley.Cluster.Tests.ProcessTable;

namespace Volley.Cluster.Tests.Recovery;

/// <summary>DESIGN §3, rows "every rank of a trial" and "a machine", with real processes: killed, and how long until a new step is done.</summary>
[Trait("Category", "Slow")]
[Collection(Recoveries.Name)]
public sealed class KilledTests(OneTrial undisturbed)
{
    [Fact]
    public async Task AKilledRank_TrainsAgain_WithinThreeSeconds()
    {
        await using var cluster = await TestCluster.StartAsync();
        await cluster.JoinAsync("n1");
        await cluster.SubmitAsync(OneTrial.Name, OneTrial.Yaml);
        var trial = await cluster.UntilTrialAsync(OneTrial.Name, OneTrial.HasCheckpoint, TinySweep.Patience);
        var killedAt = TimeProvider.System.GetUtcNow();
        Send(OneTrial.Pid(trial), SigKill);
        var again = await cluster.UntilTrialAsync(OneTrial.Name, now => OneTrial.IsTraining(now, 2), TinySweep.Patience);
        var recovery = OneTrial.Recovery(again, 2, killedAt, "rank killed");

        var end = await cluster.UntilFinishedAsync(OneTrial.Name);
        undisturbed.EqualsUndisturbed(end);
        var (first, second) = (OneTrial.Attempt(end, 1), OneTrial.Attempt(end, 2));
        Assert.Equal("lost", (string)first["end"]!);
        Assert.Equal((long)first["last_step"]! - (long)second["start_step"]!, (long)second["repeated_steps"]!);
        Assert.InRange((long)second["repeated_steps"]!, 0, OneTrial.StepsPerEpoch);   // that is how often it saves
        OneTrial.Within(TimeSpan.FromSeconds(3), recovery, end);
    }

    [Fact]
    public async Task AKilledAgent_ItsTrialRunsElsewhere_WithinTenSeconds()
    {
        await using var cluster = await TestCluster.StartAsync();
        var agents = new Dictionary<string, ChildProgram> { ["n1"] = await cluster.JoinAsync("n1"), ["n2"] = await cluster.JoinAsync("n2") };
        await cluster.SubmitAsync(OneTrial.Name, OneTrial.Yaml);
        var trial = await cluster.UntilTrialAsync(OneTrial.Name, OneTrial.HasCheckpoint, TinySweep.Patience);
        var (home, rank) = ((string)trial["node"]!, OneTrial.Pid(trial));
        var killedAt = TimeProvider.System.GetUtcNow();
        Send(agents[home].Pid, SigKill);
        var again = await cluster.UntilTrialAsync(OneTrial.Name, now => OneTrial.IsTraining(now, 2), TinySweep.Patience);
        var recovery = OneTrial.Recovery(again, 2, killedAt, "agent killed");
        Assert.DoesNotContain(rank, Of(cluster.Folder, "rank"));
        Assert.NotEqual(home, (string)again["node"]!);
        undisturbed.EqualsUndisturbed(await cluster.UntilFinishedAsync(OneTrial.Name));
        OneTrial.Within(TimeSpan.FromSeconds(10), recovery, again);
    }

    [Theory]
    [InlineData("rank.attached=kill")]
    [InlineData("rank.mid-step=kill@60")]
    [InlineData("rank.in-evaluation=kill@2")]
    [InlineData("rank.before-last-words=kill")]
    public Task ARankThatDiesAtAFailpoint_ChangesNoNumber(string failpoint) => ChangesNoNumberAsync(failpoint);

    [Theory]
    [InlineData("checkpoint.before-write=error@2")]
    [InlineData("checkpoint.before-manifest=kill@2")]
    [InlineData("checkpoint.before-rename=kill@2")]
    [InlineData("checkpoint.after-rename=kill@2")]
    public Task ARankThatDiesWhileItSaves_ChangesNoNumber(string failpoint) => ChangesNoNumberAsync(failpoint);

    [Theory]
    [InlineData("agent.before-launch=kill")]
    [InlineData("agent.after-launch=kill")]
    [InlineData("agent.after-report-sent/CheckpointReport=kill@2")]
    [InlineData("agent.after-report-sent/RankExited=kill")]
    [InlineData("agent.before-exit-acknowledged=kill")]
    public Task AnAgentThatDiesAtAFailpoint_ChangesNoNumber(string failpoint) => ChangesNoNumberAsync(failpoint);

    private async Task ChangesNoNumberAsync(string failpoint)
    {
        await using var cluster = await TestCluster.StartAsync();
        await cluster.JoinAsync("n1", failpoint);
        await cluster.JoinAsync("n2", failpoint);
        await cluster.SubmitAsync(OneTrial.Name, OneTrial.Yaml);
        await cluster.UntilFiredAsync(failpoint.Split('=')[0].Replace('/', '.'));
        undisturbed.EqualsUndisturbed(await cluster.UntilFinishedAsync(OneTrial.Name));
    }
}
