using Volley.Coordinator.Sweeps;
using Volley.Shared.Messages;

namespace Volley.Coordinator.Tests.Sweeps;

public sealed class SweepDeciderTests
{
    [Fact]
    public void Begin_MakesTheFirstTrialAndAsksForItsSlots()
    {
        var sweep = new TestSweep().Begun();
        var ask = Assert.Single(sweep.Effects.OfType<AskForSlots>());
        Assert.Equal((TestSweep.Trial(0), 1, 1, 1), (ask.Trial, ask.Attempt, ask.Ranks, ask.ThreadsPerRank));
        Assert.Equal(TrialPhase.Waiting, sweep[0].Phase);
    }

    [Fact]
    public void NothingIsDone_BeforeATermHasBegun()
    {
        var sweep = new TestSweep();
        sweep.Do(new Submit(sweep.Submission));
        Assert.Empty(sweep.State.Trials);
        Assert.Empty(sweep.Effects);
    }

    [Fact]
    public void AGrant_StartsTheRankAndAsksForTheNextTrial()
    {
        var sweep = new TestSweep().Begun();
        sweep.Grant(0, 1, TestSweep.NodeA);
        var start = Assert.Single(sweep.Sent<StartRank>());
        Assert.Equal((1L, TestSweep.Trial(0), 1, 0, 1), (start.Term, start.Trial, start.Attempt, start.Rank, start.WorldSize));
        Assert.Equal("/runs/tiny/checkpoints/0000", start.CheckpointRoot);
        Assert.Empty(start.ResumeFrom);
        Assert.Equal(TestSweep.Trial(1), Assert.Single(sweep.Effects.OfType<AskForSlots>()).Trial);
        Assert.IsType<AttemptStarted>(sweep.Journal[^2]);
    }

    [Fact]
    public void AGrantThatCameTwice_IsGivenBack()
    {
        var sweep = new TestSweep().Running();
        sweep.Grant(0, 1, TestSweep.NodeB);
        Assert.False(Assert.Single(sweep.Effects.OfType<ReleaseSlots>()).MayRun);
        Assert.Empty(sweep.Sent<StartRank>());
        Assert.Equal(TestSweep.NodeA, sweep[0].Members[0].Node);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    [InlineData(0, 3)]
    public void MaxConcurrent_LimitsWhatRunsOrWaits(int maxConcurrent, int expected)
    {
        var sweep = new TestSweep(5, $"max_concurrent: {maxConcurrent}").Begun();
        for (var trial = 0; trial < 2 && trial < sweep.State.Trials.Count; trial++) sweep.Grant(trial, 1, TestSweep.NodeA);
        Assert.Equal(expected, sweep.State.Open.Count);
    }

    [Fact]
    public void AStart_IsRepeatedUntilTheRankIsKnownToLive()
    {
        var sweep = new TestSweep(1).Begun();
        sweep.Grant(0, 1, TestSweep.NodeA);
        sweep.Now += TimeSpan.FromSeconds(1);
        sweep.Do(new Tick());
        Assert.Empty(sweep.Sent<StartRank>());
        sweep.Now += TimeSpan.FromSeconds(1);
        sweep.Do(new Tick());
        Assert.Single(sweep.Sent<StartRank>());
        sweep.Report(new RankStarted(TestSweep.Trial(0), 1, 0, TestSweep.NodeA, 100));
        sweep.Now += TimeSpan.FromSeconds(10);
        sweep.Do(new Tick());
        Assert.Empty(sweep.Sent<StartRank>());
    }

    [Fact]
    public void AnEpochReportedTwice_IsJournaledOnceAndAcknowledgedTwice()
    {
        var sweep = new TestSweep().Running();
        for (var i = 0; i < 2; i++)
        {
            sweep.ReportEpoch(0, 1, 1);
            Assert.Equal(new EpochAccepted(TestSweep.Trial(0), 1, 1), Assert.Single(sweep.Replies));
        }
        Assert.Single(sweep.Journal.OfType<EpochReported>());
    }

    [Fact]
    public void AnEpochAheadOfItsPredecessor_WaitsForIt()
    {
        var sweep = new TestSweep().Running();
        sweep.ReportEpoch(0, 1, 2);
        Assert.Empty(sweep.Replies);
        sweep.ReportEpoch(0, 1, 1);
        sweep.ReportEpoch(0, 1, 2);
        Assert.Single(sweep.Replies);
        Assert.Equal([1, 2], sweep[0].Epochs.Select(epoch => epoch.Metrics.Epoch));
    }

    [Fact]
    public void ACheckpoint_ExistsOnceItsEpochIsKnown()
    {
        var sweep = new TestSweep().Running();
        sweep.ReportCheckpoint(0, 1, 1);
        Assert.Empty(sweep.Replies);
        Assert.Empty(sweep[0].Checkpoints);
        sweep.ReportEpoch(0, 1, 1);
        sweep.ReportCheckpoint(0, 1, 1);
        sweep.ReportCheckpoint(0, 1, 1);
        Assert.IsType<CheckpointAccepted>(Assert.Single(sweep.Replies));
        Assert.Single(sweep[0].Checkpoints);
    }

    [Fact]
    public void ReportsOfAnOlderAttempt_AreDroppedCountedAndAnsweredAsStale()
    {
        var sweep = new TestSweep(1).Running();
        sweep.Exit(0, 1, RankEnd.Lost);
        sweep.Grant(0, 2, TestSweep.NodeB);
        var journaled = sweep.Journal.Count;
        sweep.ReportEpoch(0, 1, 1);
        Assert.Equal(new AttemptIsStale(1, TestSweep.Trial(0), 1), Assert.Single(sweep.Replies));
        sweep.ReportCheckpoint(0, 1, 1);
        Assert.IsType<AttemptIsStale>(Assert.Single(sweep.Replies));
        sweep.Exit(0, 1, RankEnd.Finished);
        Assert.IsType<RankExitAccepted>(Assert.Single(sweep.Replies));
        Assert.Equal(journaled, sweep.Journal.Count);
        Assert.Equal(2, sweep.State.StaleReports);
        Assert.Equal(TrialPhase.Running, sweep[0].Phase);
    }

    [Fact]
    public void ALostRank_GoesOnFromItsNewestCheckpoint_AndDoesNotCountAsFailure()
    {
        var sweep = new TestSweep(1, "max_failures: 1").Running();
        sweep.ReportEpoch(0, 1, 1);
        sweep.ReportCheckpoint(0, 1, 1);
        sweep.ReportEpoch(0, 1, 2);
        sweep.Exit(0, 1, RankEnd.Lost, "killed by signal 9");
        Assert.Equal(2, Assert.Single(sweep.Effects.OfType<AskForSlots>()).Attempt);
        sweep.Grant(0, 2, TestSweep.NodeB);
        var start = Assert.Single(sweep.Sent<StartRank>());
        Assert.Equal(new CheckpointReference(10, "10.a1", "sha-1"), Assert.Single(start.ResumeFrom));
        Assert.Equal(0, sweep[0].Failures);
        Assert.Equal(1, Assert.Single(sweep[0].Epochs).Metrics.Epoch);
    }

    [Fact]
    public void ARankThatIsAlwaysLost_IsGivenUp()
    {
        var sweep = new TestSweep(1).Begun();
        for (var attempt = 1; sweep[0].IsOpen; attempt++)
        {
            Assert.True(attempt <= 10);
            sweep.Grant(0, attempt, TestSweep.NodeA);
            sweep.Exit(0, attempt, RankEnd.Lost, "killed by signal 11");
        }
        Assert.Equal(TrialPhase.Failed, sweep[0].Phase);
        Assert.Contains("signal 11", sweep[0].Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 3)]
    public void MaxFailures_CountsFailuresOfTheTrialItself(int maxFailures, int expectedAttempts)
    {
        var sweep = new TestSweep(1, $"max_failures: {maxFailures}").Begun();
        var attempt = 0;
        while (sweep[0].IsOpen)
        {
            sweep.Grant(0, ++attempt, TestSweep.NodeA);
            sweep.Exit(0, attempt, RankEnd.Failed, "Loss is NaN at step 12");
        }
        Assert.Equal(expectedAttempts, attempt);
        Assert.Equal("Loss is NaN at step 12", sweep[0].Error);
        Assert.Equal(["last words"], sweep[0].LastLogLines);
        Assert.Equal(SweepPhase.Finished, sweep.State.Phase);
    }

    [Fact]
    public void TheSameFailureOnAnotherNode_IsTheTrialsFault()
    {
        var sweep = new TestSweep(1, "max_failures: 100").Begun();
        sweep.Grant(0, 1, TestSweep.NodeA);
        sweep.Exit(0, 1, RankEnd.Failed, "out of memory");
        sweep.Grant(0, 2, TestSweep.NodeB);
        sweep.Exit(0, 2, RankEnd.Failed, "out of memory", TestSweep.NodeB);
        Assert.Equal(TrialPhase.Failed, sweep[0].Phase);
    }

    [Fact]
    public void AUserError_IsNotTriedAgain()
    {
        var sweep = new TestSweep(1).Running();
        sweep.Exit(0, 1, RankEnd.Failed, "no such file", isUserError: true);
        Assert.Equal(TrialPhase.Failed, sweep[0].Phase);
    }

    [Fact]
    public void AFinishedRank_FinishesTheTrial_AndTheLastOneTheSweep()
    {
        var sweep = new TestSweep(1).Running();
        for (var epoch = 1; epoch <= 3; epoch++) sweep.ReportEpoch(0, 1, epoch);
        sweep.Exit(0, 1, RankEnd.Finished);
        Assert.IsType<RankExitAccepted>(Assert.Single(sweep.Replies));
        Assert.Equal((TrialPhase.Finished, SweepPhase.Finished), (sweep[0].Phase, sweep.State.Phase));
        Assert.Empty(sweep.Sent<StopRank>());
        var result = Assert.Single(SweepOutcome.Of(sweep.State).Trials);
        Assert.Equal(3, result.Epochs.Count);
    }

    [Fact]
    public void ATrialOfSeveralRanks_FinishesWhenAllHave()
    {
        var sweep = new TestSweep(1, "ranks: 2").Begun();
        sweep.Grant(0, 1, TestSweep.NodeA, TestSweep.NodeB);
        Assert.Equal([0, 1], sweep.Sent<StartRank>().Select(start => start.Rank));
        sweep.Exit(0, 1, RankEnd.Finished);
        Assert.Equal(TrialPhase.Running, sweep[0].Phase);
        sweep.Exit(0, 1, RankEnd.Finished, node: TestSweep.NodeB, rank: 1);
        Assert.Equal(TrialPhase.Finished, sweep[0].Phase);
        Assert.NotNull(sweep[0].Outcome);
    }

    [Fact]
    public void ALostNode_StartsANewAttemptOfItsTrialsOnly()
    {
        var sweep = new TestSweep(3).Running();
        sweep.Grant(1, 1, TestSweep.NodeB);
        sweep.Do(new NodeLost(TestSweep.NodeA, "it is unreachable."));
        Assert.Equal((TrialPhase.Waiting, TrialPhase.Running), (sweep[0].Phase, sweep[1].Phase));
        Assert.Equal((TestSweep.Trial(0), 2), sweep.Effects.OfType<AskForSlots>().Select(ask => (ask.Trial, ask.Attempt)).Single());
    }

    [Fact]
    public void ANodeThatComesBack_IsToldWhatIsStale()
    {
        var sweep = new TestSweep(1).Running();
        sweep.Do(new NodeLost(TestSweep.NodeA, "it is unreachable."));
        sweep.Grant(0, 2, TestSweep.NodeB);
        sweep.Do(new NodeAppeared(TestSweep.NodeA, 1, [new RunningRank(TestSweep.Trial(0), 1, 0, 1, 100, false)]));
        Assert.Equal(new AttemptIsStale(1, TestSweep.Trial(0), 1), Assert.Single(sweep.Sent<AttemptIsStale>()));
        Assert.Equal((TrialPhase.Running, 2), (sweep[0].Phase, sweep[0].Attempt));
    }

    /// <summary>The news takes a longer way than the report that the rank has started.</summary>
    [Fact]
    public void NewsThatARankIsMissing_MayBeOlderThanItsStart()
    {
        var sweep = new TestSweep(1).Running();
        sweep.Do(new NodeAppeared(TestSweep.NodeA, 1, [], IsOnlyMissing: true));
        Assert.Equal(TrialPhase.Running, sweep[0].Phase);
        sweep.Do(new NodeAppeared(TestSweep.NodeA, 1, []));
        Assert.Equal(TrialPhase.Waiting, sweep[0].Phase);
    }

    [Fact]
    public void ARestartedAgent_HasLostItsRanks()
    {
        var sweep = new TestSweep(1).Running();
        sweep.Do(new NodeAppeared(TestSweep.NodeA, Incarnation: 2, []));
        Assert.Equal(TrialPhase.Waiting, sweep[0].Phase);
    }

    /// <summary>A sweep that is recovered in mid-term reads its successor's events too: the journal's sequence numbers would let it write.</summary>
    [Fact]
    public void ACoordinatorThatHasASuccessor_AbdicatesInsteadOfBeginning()
    {
        var sweep = new TestSweep(1).Running();
        sweep.Do(new BeginTerm(2));
        var decision = sweep.Do(new BeginTerm(1));
        Assert.Empty(decision.Events);
        Assert.IsType<Abdicate>(Assert.Single(decision.Effects));
        Assert.Equal(2, sweep.State.Term);
    }

    [Fact]
    public void AfterARestart_RunningRanksAreAdoptedNotRestarted()
    {
        var sweep = new TestSweep(1).Running();
        var decision = SweepDecider.Decide(sweep.Replayed(), new BeginTerm(2), sweep.Now);
        Assert.Single(decision.Effects.OfType<HoldSlots>());
        Assert.Empty(decision.Effects.OfType<AskForSlots>());
        decision = SweepDecider.Decide(decision.State, new NodeAppeared(TestSweep.NodeA, 1, [new RunningRank(TestSweep.Trial(0), 1, 0, 1, 100, false)]), sweep.Now);
        Assert.Equal(100, decision.State.Trials[0].Live.Pids[0]);
        decision = SweepDecider.Decide(decision.State, new Tick(), sweep.Now + TimeSpan.FromMinutes(1));
        Assert.Empty(decision.Effects.OfType<ToNode>());
        Assert.Equal(1, decision.State.Trials[0].Attempt);
    }

    [Fact]
    public void ReplayingTheJournal_GivesTheSameStateAndTheSameNextSuggestion()
    {
        var sweep = new TestSweep(3, checkpoint: "keep_last: 1, keep_best: 0").Running();
        for (var epoch = 1; epoch <= 3; epoch++)
        {
            sweep.ReportEpoch(0, 1, epoch);
            sweep.ReportCheckpoint(0, 1, epoch);
        }
        sweep.Exit(0, 1, RankEnd.Finished);
        sweep.Grant(1, 1, TestSweep.NodeA);
        sweep.Exit(1, 1, RankEnd.Failed, "NaN");

        var (live, replayed) = (sweep.State, sweep.Replayed());
        Assert.Equal(SweepOutcome.Of(live).ResultsDigest, SweepOutcome.Of(replayed).ResultsDigest);
        Assert.Equal(Durable(live), Durable(replayed));
        Assert.Equal(live.Search.Next(live.Plan!.Search, live.Plan.Spec.Search, 1).ToString(), replayed.Search.Next(replayed.Plan!.Search, replayed.Plan.Spec.Search, 1).ToString());

        static string Durable(SweepState state) => string.Join('\n', state.Trials.Select(trial =>
            $"{trial.Number} {trial.Phase} {trial.Attempt} {trial.Failures} {trial.LossesInARow} {trial.Node} {trial.Error} "
            + $"[{string.Join(',', trial.Epochs.Select(epoch => $"{epoch.Attempt}:{epoch.Metrics.Epoch}"))}] [{string.Join(',', trial.Checkpoints)}] [{string.Join(',', trial.Retired.Keys.Order())}]"));
    }

    [Fact]
    public void Pause_StopsGracefullyAndResumeGoesOnFromTheCheckpoint()
    {
        var sweep = new TestSweep(1).Running();
        sweep.ReportEpoch(0, 1, 1);
        sweep.Do(new PauseSweep());
        Assert.Equal(StopMode.Graceful, Assert.Single(sweep.Sent<StopRank>()).Mode);
        sweep.ReportCheckpoint(0, 1, 1);
        sweep.Exit(0, 1, RankEnd.Stopped);
        Assert.Equal(TrialPhase.Waiting, sweep[0].Phase);
        Assert.Empty(sweep.Effects.OfType<AskForSlots>());
        sweep.Do(new ResumeSweep());
        Assert.Equal(2, Assert.Single(sweep.Effects.OfType<AskForSlots>()).Attempt);
        sweep.Grant(0, 2, TestSweep.NodeA);
        Assert.Single(Assert.Single(sweep.Sent<StartRank>()).ResumeFrom);
    }

    [Fact]
    public void Pause_WithdrawsWhatWaits_AndAGrantThatCrossesItIsGivenBack()
    {
        var sweep = new TestSweep(1).Begun();
        sweep.Do(new PauseSweep());
        Assert.Single(sweep.Effects.OfType<WithdrawRequest>());
        sweep.Grant(0, 1, TestSweep.NodeA);
        Assert.Single(sweep.Effects.OfType<ReleaseSlots>());
        Assert.Equal(TrialPhase.Waiting, sweep[0].Phase);
    }

    [Fact]
    public void Pause_EndsAtOnceWhatHasNotBegun()
    {
        var sweep = new TestSweep(1).Begun();
        sweep.Grant(0, 1, TestSweep.NodeA);
        sweep.Do(new PauseSweep());
        Assert.Equal(TrialPhase.Waiting, sweep[0].Phase);
        Assert.Equal(StopMode.Kill, Assert.Single(sweep.Sent<StopRank>()).Mode);
    }

    [Fact]
    public void Cancel_EndsEveryOpenTrial()
    {
        var sweep = new TestSweep(5).Running();
        sweep.Do(new CancelSweep());
        Assert.Equal(SweepPhase.Cancelled, sweep.State.Phase);
        Assert.Empty(sweep.State.Open);
        Assert.Single(sweep.Sent<StopRank>());
        Assert.All(sweep.State.Trials, trial => Assert.Equal(TrialPhase.Cancelled, trial.Phase));
    }

    [Fact]
    public void Retry_GivesFailedTrialsAnotherChance_AlsoWhenTheSweepWasFinished()
    {
        var sweep = new TestSweep(1, "max_failures: 1").Running();
        sweep.Exit(0, 1, RankEnd.Failed, "no such file", isUserError: true);
        Assert.True(sweep[0].HasUserError);
        Assert.Equal(SweepPhase.Finished, sweep.State.Phase);
        sweep.Do(new RetryFailed());
        Assert.Equal((SweepPhase.Running, 0, false), (sweep.State.Phase, sweep[0].Failures, sweep[0].HasUserError));
        Assert.Equal(2, Assert.Single(sweep.Effects.OfType<AskForSlots>()).Attempt);
        sweep.Grant(0, 2, TestSweep.NodeA);
        sweep.Exit(0, 2, RankEnd.Finished);
        Assert.Equal((SweepPhase.Finished, TrialPhase.Finished), (sweep.State.Phase, sweep[0].Phase));
        sweep.Do(new RetryFailed());
        Assert.Equal(SweepPhase.Finished, sweep.State.Phase);
    }

    [Fact]
    public void AFallbackToAnOlderCheckpoint_ReplacesWhatItPasses()
    {
        var sweep = new TestSweep(1).Running();
        for (var epoch = 1; epoch <= 2; epoch++)
        {
            sweep.ReportEpoch(0, 1, epoch);
            sweep.ReportCheckpoint(0, 1, epoch);
        }
        sweep.Exit(0, 1, RankEnd.Lost);
        sweep.Grant(0, 2, TestSweep.NodeA);
        Assert.Equal(["20.a1", "10.a1"], Assert.Single(sweep.Sent<StartRank>()).ResumeFrom.Select(reference => reference.RelativePath));
        // 20.a1 was damaged: the rank began at 10.a1.
        sweep.ReportEpoch(0, 2, 2);
        sweep.ReportCheckpoint(0, 2, 2);
        Assert.Equal(["10.a1", "20.a2"], sweep[0].Checkpoints.Select(checkpoint => checkpoint.RelativePath));
        Assert.Contains("20.a1", sweep[0].Retired);
        Assert.Equal([1, 2], sweep[0].Epochs.Select(epoch => epoch.Attempt));
    }

    [Fact]
    public void CheckpointsThatArriveOutOfOrder_AreResumedFromByStep()
    {
        var sweep = new TestSweep(1, checkpoint: "keep_last: 2").Running();
        for (var epoch = 1; epoch <= 2; epoch++) sweep.ReportEpoch(0, 1, epoch);
        sweep.ReportCheckpoint(0, 1, 2);
        sweep.ReportCheckpoint(0, 1, 1);
        sweep.Exit(0, 1, RankEnd.Lost);
        sweep.Grant(0, 2, TestSweep.NodeA);
        Assert.Equal(["20.a1", "10.a1"], Assert.Single(sweep.Sent<StartRank>()).ResumeFrom.Select(reference => reference.RelativePath));
        Assert.Equal(2, sweep[0].Epochs.Count);
    }

    [Fact]
    public void ACheckpointReportedAgainAfterItsDeletion_DoesNotComeBack()
    {
        var sweep = new TestSweep(1, checkpoint: "keep_last: 1, keep_best: 0").Running();
        for (var epoch = 1; epoch <= 2; epoch++)
        {
            sweep.ReportEpoch(0, 1, epoch);
            sweep.ReportCheckpoint(0, 1, epoch);
        }
        sweep.Report(new CheckpointDeleted(TestSweep.Trial(0), 1, "10.a1"));
        sweep.ReportCheckpoint(0, 1, 1);
        Assert.IsType<CheckpointAccepted>(Assert.Single(sweep.Replies));
        Assert.Equal(["20.a1"], sweep[0].Checkpoints.Select(checkpoint => checkpoint.RelativePath));
    }

    [Fact]
    public void ARetiredCheckpoint_IsAskedToBeDeletedUntilItIs()
    {
        var sweep = new TestSweep(1, checkpoint: "keep_last: 1, keep_best: 0").Running();
        for (var epoch = 1; epoch <= 2; epoch++)
        {
            sweep.ReportEpoch(0, 1, epoch);
            sweep.ReportCheckpoint(0, 1, epoch);
        }
        Assert.Equal("10.a1", Retirements().RelativePath);
        sweep.Do(new Tick());
        Assert.Equal("10.a1", Retirements().RelativePath);
        sweep.Report(new CheckpointDeleted(TestSweep.Trial(0), 1, "10.a1"));
        sweep.Do(new Tick());
        Assert.Empty(sweep.Effects.OfType<ToAnyNode>());

        RetireCheckpoint Retirements() => Assert.IsType<RetireCheckpoint>(Assert.Single(sweep.Effects.OfType<ToAnyNode>()).Message);
    }
}
