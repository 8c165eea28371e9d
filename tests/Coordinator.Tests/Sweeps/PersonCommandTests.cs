using Volley.Coordinator.Sweeps;
using Volley.Shared.Messages;

namespace Volley.Coordinator.Tests.Sweeps;

/// <summary>What people tell a sweep: each command once, twice and late.</summary>
public sealed class PersonCommandTests
{
    private static readonly string[] Kinds = ["pause", "resume", "cancel", "retry-failed", "repair", "retry-one", "kill", "extend", "priority"];

    public static TheoryData<string, string> CommandsInEverySituation =>
        [.. from kind in Kinds from situation in (string[])["waiting", "running", "paused", "finished", "failed", "cancelled"] select (kind, situation)];

    [Theory, MemberData(nameof(CommandsInEverySituation))]
    public void ACommandGivenTwice_ChangesNothingTheSecondTime(string kind, string situation)
    {
        var sweep = In(situation);
        var first = sweep.Do(Command(kind));
        var journaled = sweep.Journal.Count;
        var second = sweep.Do(Command(kind));
        Assert.Equal(journaled, sweep.Journal.Count);
        if (first.Refusal is not null) Assert.Equal(first.Refusal, second.Refusal);
        else Assert.Null(second.Refusal);
        Assert.Equal(SweepOutcome.Of(sweep.State).ResultsDigest, SweepOutcome.Of(sweep.Replayed()).ResultsDigest);
    }

    [Theory, MemberData(nameof(CommandsInEverySituation))]
    public void ARefusedCommand_ChangesNothing_AndSaysWhy(string kind, string situation)
    {
        var sweep = In(situation);
        var (before, version) = (sweep.Journal.Count, sweep.State.Phase);
        var decision = sweep.Do(Command(kind));
        if (decision.Refusal is not { } reason) return;
        Assert.Equal((before, version), (sweep.Journal.Count, sweep.State.Phase));
        Assert.EndsWith(".", reason, StringComparison.Ordinal);
        Assert.Contains((kind, situation), new[] { ("resume", "cancelled"), ("retry-one", "finished"), ("retry-one", "cancelled"), ("extend", "cancelled") });
    }

    [Theory]
    [InlineData("pause", "finished", "nothing to pause")]
    [InlineData("pause", "paused", "paused already")]
    [InlineData("resume", "running", "running already")]
    [InlineData("resume", "finished", "nothing is left")]
    [InlineData("cancel", "finished", "finished already")]
    [InlineData("kill", "finished", "finished already")]
    [InlineData("retry-one", "running", "has not ended")]
    [InlineData("repair", "running", "Nothing is missing")]
    public void ALateCommand_IsNoted(string kind, string situation, string note) =>
        Assert.Contains(note, Assert.Single(In(situation).Do(Command(kind)).Notes), StringComparison.Ordinal);

    [Fact]
    public void ACommandAboutAnUnknownTrial_NamesTheKnownOnes() =>
        Assert.Contains("0 … 0", In("running", trials: 1).Do(new KillTrial(7)).Refusal, StringComparison.Ordinal);

    [Fact]
    public void Repair_RerunsExactlyWhatHasNoResult()
    {
        var sweep = new TestSweep(3, "max_failures: 1").Begun();
        Finish(sweep, 0);
        sweep.Grant(1, 1, TestSweep.NodeA);
        sweep.Exit(1, 1, RankEnd.Failed, "NaN");
        sweep.Do(new KillTrial(2));
        Assert.Equal(SweepPhase.Finished, sweep.State.Phase);

        sweep.Do(new RepairSweep());
        Assert.Equal([1, 2], sweep.State.Open);
        Assert.Equal(SweepPhase.Running, sweep.State.Phase);
        Assert.Equal([1, 2], sweep.Effects.OfType<AskForSlots>().Select(ask => ask.Trial.Number));
        foreach (var (trial, attempt) in new[] { (1, 2), (2, 1) })
        {
            sweep.Grant(trial, attempt, TestSweep.NodeA);
            sweep.Exit(trial, attempt, RankEnd.Finished);
        }
        Assert.Equal(SweepPhase.Finished, sweep.State.Phase);
        Assert.All(sweep.State.Trials, trial => Assert.Equal(TrialPhase.Finished, trial.Phase));
    }

    [Fact]
    public void Repair_OfACancelledSweep_AlsoMakesTheTrialsThatWereNeverMade()
    {
        var sweep = new TestSweep(3).Begun();
        sweep.Do(new CancelSweep());
        sweep.Do(new RepairSweep());
        for (var trial = 0; trial < 3; trial++) Finish(sweep, trial);
        Assert.Equal((SweepPhase.Finished, 3), (sweep.State.Phase, sweep.State.Trials.Finished));
    }

    [Fact]
    public void Kill_EndsOneTrialAtOnce_AndTheOthersGoOn()
    {
        var sweep = new TestSweep(2).Running();
        sweep.Do(new KillTrial(0));
        Assert.Equal(StopMode.Kill, Assert.Single(sweep.Sent<StopRank>()).Mode);
        Assert.Equal("The trial was killed.", Assert.Single(sweep.Journal.OfType<AttemptEnded>()).Cause);
        Assert.Equal((TrialPhase.Cancelled, SweepPhase.Running), (sweep[0].Phase, sweep.State.Phase));
        sweep.Exit(0, 1, RankEnd.Lost);                 // its exit comes late
        Finish(sweep, 1);
        Assert.Equal((TrialPhase.Cancelled, SweepPhase.Finished), (sweep[0].Phase, sweep.State.Phase));
    }

    [Fact]
    public void Kill_OfAWaitingTrial_WithdrawsItsRequest_AndAGrantThatCrossesItIsGivenBack()
    {
        var sweep = new TestSweep(1).Begun();
        sweep.Do(new KillTrial(0));
        Assert.Single(sweep.Effects.OfType<WithdrawRequest>());
        sweep.Grant(0, 1, TestSweep.NodeA);
        Assert.False(Assert.Single(sweep.Effects.OfType<ReleaseSlots>()).MayRun);
    }

    [Fact]
    public void RetryOne_GoesOnFromTheNewestCheckpoint()
    {
        var sweep = new TestSweep(2, "max_failures: 1").Running();
        sweep.ReportEpoch(0, 1, 1);
        sweep.ReportCheckpoint(0, 1, 1);
        sweep.Exit(0, 1, RankEnd.Failed, "NaN");
        sweep.Do(new KillTrial(1));
        sweep.Do(new RetryTrial(0));
        Assert.Equal([0], sweep.State.Open);
        sweep.Grant(0, 2, TestSweep.NodeA);
        Assert.Equal("10.a1", Assert.Single(Assert.Single(sweep.Sent<StartRank>()).ResumeFrom).RelativePath);
    }

    [Fact]
    public void ATrialThatYields_StopsGracefullyUntilItHas_AndWaitsAgain()
    {
        var sweep = new TestSweep(1).Running();
        for (var i = 0; i < 2; i++) sweep.Do(new YieldSlots(0, 1, "wanted"));
        Assert.Empty(sweep.Sent<StopRank>());
        sweep.Now += TimeSpan.FromSeconds(3);
        sweep.Do(new Tick());
        Assert.Equal(StopMode.Graceful, Assert.Single(sweep.Sent<StopRank>()).Mode);
        sweep.Exit(0, 1, RankEnd.Stopped);
        Assert.Equal("wanted", Assert.Single(sweep.Journal.OfType<AttemptEnded>()).Cause);
        Assert.Equal(2, Assert.Single(sweep.Effects.OfType<AskForSlots>()).Attempt);
        sweep.Do(new YieldSlots(0, 1, "wanted"));       // late
        Assert.Empty(sweep.Sent<StopRank>());
    }

    /// <summary>Its agent has not said yet that it runs, but it has for hours.</summary>
    [Fact]
    public void AnAdoptedAttempt_IsNeverKilledToPause()
    {
        var sweep = new TestSweep(1).Running();
        var decision = SweepDecider.Decide(sweep.Replayed(), new BeginTerm(2), sweep.Now);
        decision = SweepDecider.Decide(decision.State, new PauseSweep(), sweep.Now);
        var stop = Assert.IsType<StopRank>(Assert.Single(decision.Effects.OfType<ToNode>()).Message);
        Assert.Equal(StopMode.Graceful, stop.Mode);
    }

    [Fact]
    public void Priority_IsTheFilesUntilAPersonSetsIt_AlsoAfterARestart()
    {
        var sweep = new TestSweep(1, "priority: 5").Begun();
        Assert.Equal(5, sweep.State.Priority);
        sweep.Do(new SetPriority(-3));
        Assert.Equal(-3, Assert.Single(sweep.Effects.OfType<SetSweepPriority>()).Priority);
        var begun = SweepDecider.Decide(sweep.Replayed(), new BeginTerm(2), sweep.Now);
        Assert.Equal(-3, Assert.Single(begun.Effects.OfType<SetSweepPriority>()).Priority);
        Assert.Contains("−100", sweep.Do(new SetPriority(101)).Refusal!.Replace('-', '−'), StringComparison.Ordinal);
    }

    [Fact]
    public void ManyWaitingTrials_AskAFewAtATime()
    {
        var sweep = new TestSweep(30, "max_failures: 1").Begun();
        for (var trial = 0; trial < 30; trial++)
        {
            sweep.Grant(trial, 1, TestSweep.NodeA);
            sweep.Exit(trial, 1, RankEnd.Failed, "NaN");
        }
        sweep.Do(new RetryFailed());
        Assert.Equal(Enumerable.Range(0, 8), sweep.Effects.OfType<AskForSlots>().Select(ask => ask.Trial.Number));
        sweep.Grant(3, 2, TestSweep.NodeA);
        Assert.Equal(8, Assert.Single(sweep.Effects.OfType<AskForSlots>()).Trial.Number);
    }

    [Fact]
    public void ATrialWhoseSlotsAreComing_DoesNotHoldUpTheNext()
    {
        var sweep = new TestSweep(3).Begun();
        for (var i = 0; i < 2; i++) sweep.Do(new SlotsComing(0, 1));
        Assert.Equal([0, 1], sweep.State.Open);
        sweep.Grant(0, 1, TestSweep.NodeA);
        Assert.Equal(TrialPhase.Running, sweep[0].Phase);
        Assert.Equal([0, 1], sweep.State.Open);
    }

    private static TestSweep In(string situation, int trials = 2)
    {
        var sweep = new TestSweep(situation is "finished" or "failed" ? 1 : trials, "max_failures: 1").Begun();
        if (situation == "waiting") return sweep;
        sweep.Grant(0, 1, TestSweep.NodeA);
        sweep.Report(new RankStarted(TestSweep.Trial(0), 1, 0, TestSweep.NodeA, 100));
        for (var epoch = 1; epoch <= 3; epoch++)
        {
            sweep.ReportEpoch(0, 1, epoch);
            sweep.ReportCheckpoint(0, 1, epoch);
        }
        if (situation == "paused") sweep.Do(new PauseSweep());
        if (situation == "cancelled") sweep.Do(new CancelSweep());
        if (situation == "finished") sweep.Exit(0, 1, RankEnd.Finished);
        if (situation == "failed") sweep.Exit(0, 1, RankEnd.Failed, "NaN");
        return sweep;
    }

    private static void Finish(TestSweep sweep, int trial)
    {
        var attempt = sweep[trial].Attempt + 1;
        sweep.Grant(trial, attempt, TestSweep.NodeA);
        sweep.Exit(trial, attempt, RankEnd.Finished);
    }

    private static PersonCommand Command(string kind) => kind switch
    {
        "pause" => new PauseSweep(),
        "resume" => new ResumeSweep(),
        "cancel" => new CancelSweep(),
        "retry-failed" => new RetryFailed(),
        "repair" => new RepairSweep(),
        "retry-one" => new RetryTrial(0),
        "kill" => new KillTrial(0),
        "extend" => new ExtendSweep(6, 4),
        "priority" => new SetPriority(7),
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };
}
