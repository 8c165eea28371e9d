using Volley.Coordinator.Sweeps;
using Volley.Shared.Messages;

namespace Volley.Coordinator.Tests.Sweeps;

/// <summary>What a loss has cost: steps done again, and the time until a new step was done.</summary>
public sealed class RepeatedStepsTests
{
    [Fact]
    public void ALostRank_CostsTheStepsSinceItsCheckpoint_AsItsExitKnowsThem()
    {
        var sweep = new TestSweep().Running();
        Progress(sweep, 1, start: 0, step: 14);
        Lose(sweep, 1, start: 0, last: 17);
        sweep.Grant(0, 2, TestSweep.NodeB);
        sweep.Now += TimeSpan.FromSeconds(2);
        Progress(sweep, 2, start: 10, step: 11);

        var attempts = PastAttempt.AllOf(sweep[0]).ToList();
        Assert.Equal((0L, 17L, 0L, RankEnd.Lost), (attempts[0].StartStep, attempts[0].LastStep, attempts[0].RepeatedSteps, attempts[0].End));
        Assert.Equal((10L, 11L, 1L, null), (attempts[1].StartStep, attempts[1].LastStep, attempts[1].RepeatedSteps, attempts[1].End));
        Assert.Equal(TimeSpan.FromSeconds(2), attempts[1].FirstStepAt - attempts[0].EndedAt);

        Progress(sweep, 2, start: 10, step: 25);
        Assert.Equal(7, PastAttempt.AllOf(sweep[0]).Last().RepeatedSteps);
    }

    [Fact]
    public void AGracefulMove_CostsNone()
    {
        var sweep = new TestSweep().Running();
        sweep.Report(new RankExited(TestSweep.Trial(0), 1, 0, TestSweep.NodeA, RankEnd.Stopped, null, "", false, [], 0, 13));
        sweep.Grant(0, 2, TestSweep.NodeB);
        Progress(sweep, 2, start: 13, step: 14);
        Assert.All(PastAttempt.AllOf(sweep[0]), attempt => Assert.Equal(0, attempt.RepeatedSteps));
    }

    [Fact]
    public void WhatNobodySawTheEndOf_IsCountedFromItsProgress()
    {
        var sweep = new TestSweep().Running();
        Progress(sweep, 1, start: 0, step: 14);
        sweep.Do(new NodeLost(TestSweep.NodeA, "it is unreachable."));
        sweep.Grant(0, 2, TestSweep.NodeB);
        Progress(sweep, 2, start: 0, step: 20);
        Assert.Equal(14, PastAttempt.AllOf(sweep[0]).Last().RepeatedSteps);
    }

    [Fact]
    public void ALateReport_DoesNotMoveTheFirstStep_AndClocksOfMachinesAreNotCompared()
    {
        var sweep = new TestSweep().Running();
        sweep.Now += TimeSpan.FromSeconds(10);
        sweep.Report(new ProgressReport(TestSweep.Trial(0), 1, 0, 0, 3, 9, 30, 0.5, 10, StartStep: 0, SecondsSinceFirstStep: 4));
        sweep.Now += TimeSpan.FromSeconds(10);
        sweep.Report(new ProgressReport(TestSweep.Trial(0), 1, 0, 0, 3, 12, 30, 0.5, 10, StartStep: 0, SecondsSinceFirstStep: 14.3));
        Assert.Equal(TestSweep.Start + TimeSpan.FromSeconds(6), PastAttempt.AllOf(sweep[0]).Single().FirstStepAt);
    }

    [Fact]
    public void TheJournalRemembers_AndForgetsTheOldest()
    {
        var sweep = new TestSweep().Running();
        for (var attempt = 1; attempt <= PastAttempt.MostKept + 5; attempt++)
        {
            sweep.ReportCheckpoint(0, attempt, 0);
            Lose(sweep, attempt, start: 0, last: attempt);
            sweep.Grant(0, attempt + 1, TestSweep.NodeA);
        }
        Assert.Equal(PastAttempt.MostKept, sweep[0].PastAttempts.Count);
        Assert.Equal(PastAttempt.MostKept + 5, sweep[0].PastAttempts[^1].Attempt);
        Assert.Equal(sweep[0].PastAttempts, sweep.Replayed().Trials[0].PastAttempts);
        Assert.Equal(PastAttempt.MostKept + 5, sweep.Replayed().Trials[0].FurthestStep);
    }

    private static void Progress(TestSweep sweep, int attempt, long start, long step) =>
        sweep.Report(new ProgressReport(TestSweep.Trial(0), attempt, 0, 0, 3, step, 30, 0.5, 10, start));

    private static void Lose(TestSweep sweep, int attempt, long start, long last) =>
        sweep.Report(new RankExited(TestSweep.Trial(0), attempt, 0, TestSweep.NodeA, RankEnd.Lost, null, "killed", false, [], start, last));
}
