using System.Collections.Immutable;
using Volley.Coordinator.Chaos.Faults;
using Volley.Coordinator.Chaos.Recovery;

namespace Volley.Coordinator.Tests.Chaos;

public sealed class FaultRecoveryTests
{
    private static readonly TrialMoment Four = new(4, 1, 30, false, "", ["a"], [new AttemptMoment(1, "a", At(2), 0, 30)]);
    private static readonly TrialMoment Five = new(5, 1, 12, false, "", ["b"], [new AttemptMoment(1, "b", At(3), 0, 12)]);

    [Fact]
    public void AKilledRank_WentOn_WithTheFirstStepOfTheNextAttempt()
    {
        var recovery = Begin(FaultKind.RankKill, new FaultTarget("a", 4, 1, 0, 104));
        Assert.Equal([4], recovery.Affected.Select(trial => trial.Trial));
        recovery = Take(recovery, 11, Four with { Step = 33 });                        // still under way when it was killed
        recovery = Take(recovery, 12, Next(Four, null, 33) with { Said = "killed" });
        Assert.False(recovery.IsComplete);
        recovery = Take(recovery, 13.9, Next(Four, 13.5, 33) with { Said = "killed" });
        Assert.True(recovery.IsComplete);
        Assert.Equal(TimeSpan.FromSeconds(3.5), recovery.WentOnAfter);
        Assert.Equal((6L, 1, "killed"), (recovery.StepsRepeated, recovery.NewAttempts, recovery.Affected[0].Said));        // 33, from the checkpoint at 27
    }

    [Fact]
    public void AKilledAgent_HitsTheTrialsOnItsNode_AndTheSlowestCounts()
    {
        var recovery = Begin(FaultKind.AgentKill, new FaultTarget("a"), Four, Five with { Nodes = ["a"] });
        recovery = Take(recovery, 12, Next(Four, 11.5), Five);
        Assert.Null(recovery.WentOnAfter);
        recovery = Take(recovery, 15, Next(Four, 11.5), Five with { IsOver = true });
        Assert.Equal(TimeSpan.FromSeconds(5), recovery.WentOnAfter);
    }

    [Fact]
    public void APausedRank_WentOn_OnlyAfterTheHold_OrUnderANewAttempt()
    {
        var paused = Begin(FaultKind.RankPause, new FaultTarget("a", 4, 1, 0, 104), hold: 5);
        var early = Take(paused, 12, Four with { Step = 31 });
        Assert.False(early.IsComplete);
        Assert.True(Take(early, 16, Four with { Step = 32 }).IsComplete);
        Assert.True(Take(early, 13, Next(Four, 13)).IsComplete);
    }

    [Fact]
    public void AKilledCoordinator_IsBackWhenItAnswers_AndTrainingMustHaveGoneOn()
    {
        var recovery = Begin(FaultKind.CoordinatorKill, new FaultTarget(ClusterPicture.Coordinator), Four, Five);
        recovery = recovery.Take(At(11), false, Trials(Four, Five));
        Assert.Null(recovery.AnswersAfter);
        recovery = Take(recovery, 14, Four with { Step = 40 }, Five);
        Assert.Equal(TimeSpan.FromSeconds(4), recovery.AnswersAfter);
        Assert.False(recovery.IsComplete);
        recovery = Take(recovery, 15, Four, Five with { Step = 13 });
        Assert.True(recovery.IsComplete);
        Assert.Equal((0, 0L), (recovery.NewAttempts, recovery.StepsRepeated));
    }

    [Fact]
    public void AFullDisk_IsWatchedUntilItHasRoom_ForWhatTheSystemSays()
    {
        var recovery = Take(Begin(FaultKind.DiskFull, new FaultTarget(), 5, Four with { CheckpointProblems = 1 }), 11, Four with { Step = 31, CheckpointProblems = 1, CheckpointProblem = "old" });
        Assert.Equal(TimeSpan.FromSeconds(1), recovery.WentOnAfter);
        Assert.False(recovery.IsComplete);
        recovery = Take(recovery, 13, Four with { Step = 40, CheckpointProblems = 2, CheckpointProblem = "No space left" });
        recovery = Take(recovery, 17, Four with { Step = 60, CheckpointProblems = 2 });
        Assert.True(recovery.IsComplete);
        Assert.Equal("No space left", recovery.Affected[0].Said);
    }

    [Fact]
    public void TrialsThatAreOver_WereNotHit() =>
        Assert.True(Take(Begin(FaultKind.AgentKill, new FaultTarget("a"), Four with { IsOver = true, Nodes = [] }), 11).IsComplete);

    [Fact]
    public void Statistics_AreByKind_WithNearestRanks()
    {
        var recoveries = Enumerable.Range(1, 20).Select(seconds => Take(Begin(FaultKind.RankKill, new FaultTarget("a", 4, 1, 0, 104)), 99, Next(Four, 10 + seconds)))
            .Append(Begin(FaultKind.AgentKill, new FaultTarget("c")));
        var statistics = KindStatistics.Of(recoveries);
        Assert.Equal([FaultKind.RankKill, FaultKind.AgentKill], statistics.Select(kind => kind.Kind));
        Assert.Equal((20, 10.0, 19.0, 20.0), (statistics[0].Faults, statistics[0].Median!.Value, statistics[0].P95!.Value, statistics[0].Max!.Value));
        Assert.Equal((1, 0, null), (statistics[1].Faults, statistics[1].Recovered, statistics[1].Median));
    }

    /// <summary>Under its next attempt, from the checkpoint at 27.</summary>
    private static TrialMoment Next(TrialMoment trial, double? firstStep, long lastStep = 30) => trial with
    {
        Attempt = 2,
        Step = firstStep is null ? 0 : 28,
        Attempts = [trial.Attempts[0] with { LastStep = lastStep }, new AttemptMoment(2, "c", firstStep is { } at ? At(at) : null, 27, 28)],
    };

    private static FaultRecovery Begin(FaultKind kind, FaultTarget target, params TrialMoment[] trials) => Begin(kind, target, 0, trials);

    private static FaultRecovery Begin(FaultKind kind, FaultTarget target, double hold, params TrialMoment[] trials) =>
        FaultRecovery.Begin(new PlannedFault(1, kind, 0.1, TimeSpan.FromSeconds(hold), 0), target, At(10), trials.Length == 0 ? [Four, Five] : trials);

    private static FaultRecovery Take(FaultRecovery recovery, double now, params TrialMoment[] trials) => recovery.Take(At(now), true, Trials(trials));

    private static ImmutableDictionary<int, TrialMoment> Trials(params TrialMoment[] trials) => trials.ToImmutableDictionary(trial => trial.Trial);

    private static TimeSpan At(double seconds) => TimeSpan.FromSeconds(seconds);
}
