using static Volley.Cluster.Tests.ProcessTable;

namespace Volley.Cluster.Tests.Recovery;

/// <summary>Processes that are stopped and go on later: what they missed decides, not what they believe.</summary>
[Trait("Category", "Slow")]
[Collection(Recoveries.Name)]
public sealed class PausedTests(OneTrial undisturbed)
{
    [Fact]
    public async Task ARankStoppedForAMoment_GoesOn()
    {
        await using var cluster = await TestCluster.StartAsync();
        await cluster.JoinAsync("n1", "rank.mid-step=stop@60");
        await cluster.SubmitAsync(OneTrial.Name, OneTrial.Yaml);
        var rank = await cluster.UntilFiredAsync("rank.mid-step");
        // Two registrations and a scrape later: everybody has had time to be impatient.
        await Task.Delay(TimeSpan.FromSeconds(5), TestContext.Current.CancellationToken);
        Send(rank, SigCont);
        var end = await cluster.UntilFinishedAsync(OneTrial.Name);
        undisturbed.EqualsUndisturbed(end);
        Assert.Equal(1, (int)end["attempt"]!);
    }

    [Fact]
    public async Task ARankStoppedPastItsLimit_IsKilled_AndReplaced()
    {
        await using var cluster = await TestCluster.StartAsync();
        await cluster.JoinAsync("n1", "rank.mid-step=stop@60", "--rank-timeout", "5");
        await cluster.SubmitAsync(OneTrial.Name, OneTrial.Yaml);
        var rank = await cluster.UntilFiredAsync("rank.mid-step");
        await UntilAsync(() => !Of(cluster.Folder, "rank").Contains(rank), TinySweep.Patience, () => "the stopped rank lives");
        TrySend(rank, SigCont);   // of what is left of it: nothing
        var end = await cluster.UntilFinishedAsync(OneTrial.Name);
        undisturbed.EqualsUndisturbed(end);
        Assert.Equal("lost", (string)OneTrial.Attempt(end, 1)["end"]!);
        Assert.Equal(59 - OneTrial.StepsPerEpoch, (long)OneTrial.Attempt(end, 2)["repeated_steps"]!);   // the 60th was not done
    }

    [Fact]
    public async Task AnAgentStoppedPastTheDetector_ItsTrialRunsElsewhere_AndItsZombieIsKilled()
    {
        await using var cluster = await TestCluster.StartAsync();
        // Attempt 1 halts in the middle, so that it is still there as a zombie when its agent goes on.
        const string halt = "rank.mid-step=stop@60";
        var agents = new Dictionary<string, ChildProgram> { ["n1"] = await cluster.JoinAsync("n1", halt, "--rank-timeout", "600"), ["n2"] = await cluster.JoinAsync("n2", halt, "--rank-timeout", "600") };
        await cluster.SubmitAsync(OneTrial.Name, OneTrial.Yaml);
        var zombie = await cluster.UntilFiredAsync("rank.mid-step");
        var trial = await cluster.UntilTrialAsync(OneTrial.Name, trial => OneTrial.IsRank(trial, zombie), TinySweep.Patience);
        var home = (string)trial["node"]!;
        var stoppedAt = TimeProvider.System.GetUtcNow();
        Send(agents[home].Pid, SigStop);
        var again = await cluster.UntilTrialAsync(OneTrial.Name, now => OneTrial.IsTraining(now, 2), TinySweep.Patience);
        OneTrial.Recovery(again, 2, stoppedAt, "agent stopped");
        Assert.NotEqual(home, (string)again["node"]!);

        Send(zombie, SigCont);   // trains, saves and reports, into a void
        Send(agents[home].Pid, SigCont);
        await UntilAsync(() => !Of(cluster.Folder, "rank").Contains(zombie), TinySweep.Patience, () => $"the zombie lives: {agents[home].Output}");
        var end = await cluster.UntilFinishedAsync(OneTrial.Name);
        undisturbed.EqualsUndisturbed(end);
        Assert.Equal(2, (int)end["attempt"]!);
        Assert.Contains(agents[home].Pid, Of(cluster.Folder, "join"));
    }
}
