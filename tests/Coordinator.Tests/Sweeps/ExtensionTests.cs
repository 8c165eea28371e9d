using Volley.Coordinator.Sweeps;
using Volley.Shared.Config;
using Volley.Shared.Messages;

namespace Volley.Coordinator.Tests.Sweeps;

public sealed class ExtensionTests
{
    [Fact]
    public void AFinishedTrial_GoesOnFromItsNewestCheckpointToMoreEpochs()
    {
        var sweep = new TestSweep(1).Running();
        Train(sweep, 0, 1, 1, 3);
        var notes = sweep.Do(new ExtendSweep(5, 0)).Notes;
        Assert.Contains(notes, note => note.Contains("cosine", StringComparison.Ordinal));
        Assert.Equal((SweepPhase.Running, TrialPhase.Waiting, 5), (sweep.State.Phase, sweep[0].Phase, sweep[0].Spec.Train.Epochs));
        sweep.Grant(0, 2, TestSweep.NodeA);
        var start = Assert.Single(sweep.Sent<StartRank>());
        Assert.Equal(5, ConfigJson.Deserialize(start.SpecJson).Train.Epochs);
        Assert.Equal("30.a1", start.ResumeFrom[0].RelativePath);
        Train(sweep, 0, 2, 4, 5);
        Assert.Equal((SweepPhase.Finished, TrialPhase.Finished, 5), (sweep.State.Phase, sweep[0].Phase, sweep[0].Epochs.Count));
    }

    /// <summary>Whenever somebody extends the sweep, each trial is trained in the same stages, so the numbers do not depend on it.</summary>
    [Fact]
    public void ATrialUnderWay_GoesToTheEndOfItsStageFirst()
    {
        var (early, late) = (new TestSweep(2, "max_concurrent: 1"), new TestSweep(2, "max_concurrent: 1"));
        foreach (var sweep in new[] { early, late })
        {
            sweep.Running();
            if (sweep == early) sweep.Do(new ExtendSweep(5, 0));
            Train(sweep, 0, 1, 1, 3);
            if (sweep == late) sweep.Do(new ExtendSweep(5, 0));
        }
        Run(early);
        Run(late);
        Assert.Equal(["3,5", "3,5"], Stages(early));
        Assert.Equal(Stages(early), Stages(late));
        Assert.Equal(SweepOutcome.Of(early.State).ResultsDigest, SweepOutcome.Of(late.State).ResultsDigest);

        // Epochs that each trial was told to train for, by attempt.
        static IEnumerable<string> Stages(TestSweep sweep) => sweep.State.Trials.Select(trial =>
            string.Join(',', sweep.Journal.OfType<TrialExtended>().Where(extended => extended.Trial == trial.Number).Select(extended => extended.Epochs).Prepend(3)));
    }

    [Fact]
    public void ATrialThatStoppedEarly_IsNotTrainedOn()
    {
        var sweep = new TestSweep(1).Running();
        Train(sweep, 0, 1, 1, 2);           // patience
        sweep.Do(new ExtendSweep(5, 0));
        Assert.Equal((TrialPhase.Finished, SweepPhase.Finished), (sweep[0].Phase, sweep.State.Phase));
    }

    [Fact]
    public void MoreTrials_AreMadeByTheSameSearch()
    {
        var (extended, longer) = (new TestSweep(2).Begun(), new TestSweep(4).Begun());
        Run(extended);
        Run(longer);
        extended.Do(new ExtendSweep(0, 4));
        Run(extended);
        Assert.Equal(4, extended.State.Trials.Finished);
        Assert.Equal(SweepOutcome.Of(longer.State).ResultsDigest, SweepOutcome.Of(extended.State).ResultsDigest);
        Assert.Equal(4, extended.Replayed().Trials.Finished);
    }

    [Theory]
    [InlineData(0, 0, "how many")]
    [InlineData(2, 0, "more than 2 epochs already")]
    [InlineData(0, 1, "makes 2 trials already")]
    public void AnExtensionThatIsNone_IsRefused(int epochs, int trials, string reason)
    {
        var sweep = new TestSweep(2).Begun();
        Assert.Contains(reason, sweep.Do(new ExtendSweep(epochs, trials)).Refusal, StringComparison.Ordinal);
    }

    [Fact]
    public void TwoExtensions_AreTwoStages()
    {
        var sweep = new TestSweep(1).Begun();
        sweep.Do(new ExtendSweep(5, 0));
        sweep.Do(new ExtendSweep(8, 0));
        Assert.Contains("8 epochs already", sweep.Do(new ExtendSweep(6, 0)).Refusal, StringComparison.Ordinal);
        Run(sweep);
        Assert.Equal([5, 8], sweep.Journal.OfType<TrialExtended>().Select(extended => extended.Epochs));
        Assert.Equal(3, sweep.Journal.OfType<TrialFinished>().Count());
    }

    private static void Run(TestSweep sweep)
    {
        while (!sweep.State.IsOver)
        {
            if (sweep.State.Running.IsEmpty) sweep.Grant(sweep.State.Asked.Min, sweep[sweep.State.Asked.Min].Attempt + 1, TestSweep.NodeA);
            var trial = sweep[sweep.State.Running.Min];
            Train(sweep, trial.Number, trial.Attempt, trial.Epochs.Count + 1, trial.Spec.Train.Epochs);
        }
    }

    private static void Train(TestSweep sweep, int trial, int attempt, int from, int to)
    {
        for (var epoch = from; epoch <= to; epoch++)
        {
            sweep.ReportEpoch(trial, attempt, epoch);
            sweep.ReportCheckpoint(trial, attempt, epoch);
        }
        sweep.Exit(trial, attempt, RankEnd.Finished);
    }
}
