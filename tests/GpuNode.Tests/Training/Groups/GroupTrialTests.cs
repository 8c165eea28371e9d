using Volley.GpuNode.Checkpointing;
using Volley.GpuNode.Training;
using Volley.Shared.Config;
using Volley.Shared.Results;

namespace Volley.GpuNode.Tests.Training.Groups;

/// <summary>Whole trials of several ranks (threads): losses, returns, stops; always the numbers of one rank alone, bit for bit.</summary>
public sealed class GroupTrialTests : IDisposable
{
    private readonly TrialFolder _alone = new();
    private readonly TrialFolder _folder = new();

    public void Dispose()
    {
        _alone.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData(TinyTrial.ResNet, 3, 2)]
    [InlineData(TinyTrial.Vit, 2, 2)]
    [InlineData(TinyTrial.Sdt, 3, 3)]
    [InlineData(TinyTrial.Spikformer, 4, 3)]
    public void AnyNumberOfRanks_GivesTheNumbersOfOne(string family, int shards, int world)
    {
        var spec = ThreadRanks.Spec(family, shards, train => train with { EmaDecay = 0.9 });
        var expected = _alone.Run(spec).Outcome!;
        var ranks = new ThreadRanks(shards, [[.. Enumerable.Range(0, world)]]);
        var recorders = Enumerable.Range(0, world).Select(_ => new StepRecorder()).ToArray();
        var running = recorders.Select((recorder, rank) => Start(spec, ranks, rank, recorder)).ToArray();
        Same(expected, running[0].Result().Outcome!);
        Assert.All(running[1..], rank => Assert.Equal((TrialEnd.Finished, null), (rank.Result().End, rank.Result().Outcome)));
        // Position 0 speaks for all of them; every rank has seen every step and epoch.
        Assert.All(recorders, recorder => Assert.Equal(Enumerable.Range(1, 8).Select(step => (long)step), recorder.Steps));
        Assert.All(recorders[1..], recorder => Assert.Empty(recorder.Checkpoints));
        Assert.Equal([4, 8], recorders[0].Checkpoints.Select(checkpoint => (int)checkpoint.Step));
    }

    [Theory]
    [InlineData(0, 3)]      // in the first epoch, the one who writes checkpoints
    [InlineData(1, 3)]
    [InlineData(1, 5)]
    [InlineData(0, 8)]      // after the last step
    public void ALostRank_IsReplaced_AndNoStepIsRepeated(int lost, int afterStep)
    {
        var spec = ThreadRanks.Spec(TinyTrial.ResNet, 3, train => train with { EmaDecay = 0.9 });
        var expected = _alone.Run(spec).Outcome!;
        var ranks = new ThreadRanks(3, [0, 1, 2], [0, 1, 2]);
        var recorders = Enumerable.Range(0, 4).Select(_ => new StepRecorder()).ToArray();
        recorders[lost].ThrowAfter = afterStep;
        var running = Enumerable.Range(0, 3).Select(rank => Start(spec, ranks, rank, recorders[rank])).ToArray();
        Assert.IsType<Killed>(running[lost].Failure());
        var replacement = Start(spec, ranks, lost, recorders[3], firstAttempt: 2);
        var results = Enumerable.Range(0, 3).Select(rank => (rank == lost ? replacement : running[rank]).Result()).ToArray();
        Same(expected, results[0].Outcome!);
        foreach (var survivor in Enumerable.Range(0, 3).Where(rank => rank != lost))
            Assert.Equal(Enumerable.Range(1, 8).Select(step => (long)step), recorders[survivor].Steps);
        Assert.All(ranks.Ready.Where(ready => ready.Attempt == 2), ready => Assert.Equal(ready.Rank == lost ? -1 : afterStep, ready.Step, 1.0));
        Assert.EndsWith(".a2", results[0].LastCheckpoint!.RelativePath, StringComparison.Ordinal);
    }

    [Fact]
    public void ARankLostInAnEvaluation_IsReplaced_AndTheEvaluationIsDoneAgain()
    {
        var spec = ThreadRanks.Spec(TinyTrial.Vit, 2);
        var expected = _alone.Run(spec).Outcome!;
        var ranks = new ThreadRanks(2, [0, 1], [0, 1]);
        var (first, lost, second) = (new StepRecorder(), new StepRecorder { ThrowAtEpoch = 1 }, new StepRecorder());
        var survivor = Start(spec, ranks, 0, first);
        Assert.IsType<Killed>(Start(spec, ranks, 1, lost).Failure());
        var replacement = Start(spec, ranks, 1, second, firstAttempt: 2);
        Same(expected, survivor.Result().Outcome!);
        Assert.Equal(TrialEnd.Finished, replacement.Result().End);
        Assert.Equal(Enumerable.Range(1, 8).Select(step => (long)step), first.Steps);
        Assert.Equal([1, 2], first.Epochs.Select(epoch => epoch.Epoch));
    }

    [Fact]
    public void Fewer_ThenMoreRanks_GiveTheSameNumbers()
    {
        var spec = ThreadRanks.Spec(TinyTrial.ResNet, 3);
        var expected = _alone.Run(spec).Outcome!;
        // Rank 1 is lost after step 2; 0 and 2 go on by themselves; at step 5 a replacement comes, for which they leave at a step boundary.
        var ranks = new ThreadRanks(3, [0, 1, 2], [0, 2], [0, 1, 2]);
        var first = new StepRecorder { AfterStep = step => { if (step == 5) ranks.Announce(3); } };
        var running = new[] { Start(spec, ranks, 0, first), Start(spec, ranks, 1, new StepRecorder { ThrowAfter = 2 }), Start(spec, ranks, 2, new StepRecorder()) };
        Assert.IsType<Killed>(running[1].Failure());
        var replacement = Start(spec, ranks, 1, new StepRecorder(), firstAttempt: 3);
        Same(expected, running[0].Result().Outcome!);
        Assert.Equal((TrialEnd.Finished, TrialEnd.Finished), (running[2].Result().End, replacement.Result().End));
        Assert.Equal(Enumerable.Range(1, 8).Select(step => (long)step), first.Steps);
        Assert.Equal([6, 6], ranks.Ready.Where(ready => ready is { Attempt: 3, Step: >= 0 }).Select(ready => ready.Step));   // agreed in step 6: not one rank earlier than another
    }

    [Fact]
    public void AStopOfOneRank_StopsAllAfterTheSameStep_AndTheNextAttemptGoesOnFromItsCheckpoint()
    {
        var spec = ThreadRanks.Spec(TinyTrial.Vit, 2);
        var expected = _alone.Run(spec).Outcome!;
        using var stop = new CancellationTokenSource();
        var ranks = new ThreadRanks(2, [0, 1]);
        var recorders = new[] { new StepRecorder(), new StepRecorder { AfterStep = step => { if (step == 3) stop.Cancel(); } } };
        var stopped = new[] { Start(spec, ranks, 0, recorders[0]), Start(spec, ranks, 1, recorders[1], stop: stop) };
        Assert.All(stopped, rank => Assert.Equal(TrialEnd.Stopped, rank.Result().End));
        Assert.Equal(recorders[0].Steps, recorders[1].Steps);
        var checkpoint = Assert.Single(recorders[0].Checkpoints);
        Assert.Equal(recorders[0].Steps[^1], checkpoint.Step);

        // Only position 0 has the files; the other one gets everything from it.
        var next = new ThreadRanks(2, [0, 1], [0, 1]);
        next.Announce(2);
        var options = new TrialRunOptions { ResumeFrom = [new ResumeSource(Path.Combine(_folder.Root, checkpoint.RelativePath), checkpoint.ManifestSha256)] };
        using var empty = new TrialFolder();
        var again = new[]
        {
            Start(spec, next, 0, new StepRecorder(), firstAttempt: 2, options: options),
            Start(spec, next, 1, new StepRecorder(), firstAttempt: 2, folder: empty),
        };
        Same(expected, again[0].Result().Outcome!);
        Assert.Equal(TrialEnd.Finished, again[1].Result().End);
    }

    [Fact]
    public void ASurvivorThatIsToldToStop_WritesWhatItHas()
    {
        var spec = ThreadRanks.Spec(TinyTrial.Vit, 2);
        using var stop = new CancellationTokenSource();
        var ranks = new ThreadRanks(2, [0, 1], [0, 1]);
        var recorder = new StepRecorder();
        var survivor = Start(spec, ranks, 1, recorder, stop: stop);
        Assert.IsType<Killed>(Start(spec, ranks, 0, new StepRecorder { ThrowAfter = 3 }).Failure());
        stop.Cancel();   // no replacement ever comes
        Assert.Equal(TrialEnd.Stopped, survivor.Result().End);
        Assert.Equal(recorder.Steps[^1], survivor.Result().LastCheckpoint!.Step);
    }

    [Fact]
    public void ALossThatIsNotFinite_FailsEveryRankAlike()
    {
        var spec = ThreadRanks.Spec(TinyTrial.Vit, 2, train => train with { ClipNorm = 0, Optimizer = new OptimizerSpec { Name = "sgd", Lr = 1e30 }, Schedule = new ScheduleSpec { Name = "constant" } });
        var ranks = new ThreadRanks(2, [0, 1]);
        var running = new[] { Start(spec, ranks, 0, new StepRecorder()), Start(spec, ranks, 1, new StepRecorder()) };
        var failures = running.Select(rank => Assert.IsType<NonFiniteStepException>(rank.Failure())).ToArray();
        Assert.Equal(failures[0].Message, failures[1].Message);
    }

    private ThreadRank Start(TrialSpec spec, ThreadRanks ranks, int rank, ITrialObserver observer, int firstAttempt = 1, CancellationTokenSource? stop = null, TrialRunOptions? options = null, TrialFolder? folder = null)
    {
        var started = new ThreadRank(spec, ranks.Of(rank, firstAttempt), (folder ?? _folder).Directories, observer, options, stop);
        ranks.WaitUntilBuilt(rank, firstAttempt, () => started.HasEnded);
        return started;
    }

    private static void Same(TrialOutcome expected, TrialOutcome found)
    {
        Assert.Equal(expected.WeightsSha256, found.WeightsSha256);
        Assert.Equal(expected.BestEpoch, found.BestEpoch);
        Assert.Equal(Told(expected.Test!), Told(found.Test!));
        Assert.Equal(expected.Epochs.Select(Told), found.Epochs.Select(Told));
    }

    private static string Told(EpochMetrics e) => $"{e.Epoch} {e.Step} {e.LearningRate:R} {e.TrainLoss:R} {e.TrainAccuracy:R} {Told(e.Validation!)}";

    private static string Told(Evaluation e) => $"{e.Images} {e.Loss:R} {e.Accuracy:R} {e.Top5:R} {e.FiringRate:R} {string.Join(' ', e.FiringRateByLayer ?? new Dictionary<string, double>())}";
}

/// <summary>Instead of a SIGKILL, on the rank's own thread: nothing of it is caught, its end of the group is closed.</summary>
internal sealed class Killed() : Exception("killed by the test");

internal sealed class StepRecorder : ITrialObserver
{
    public List<long> Steps { get; } = [];
    public List<EpochMetrics> Epochs { get; } = [];
    public List<WrittenCheckpoint> Checkpoints { get; } = [];
    public long ThrowAfter { get; set; } = -1;
    public int ThrowAtEpoch { get; init; } = -1;
    public Action<long>? AfterStep { get; init; }

    public void OnStep(long step)
    {
        Steps.Add(step);
        AfterStep?.Invoke(step);
        if (step == ThrowAfter) throw new Killed();
    }

    public void OnProgress(int epoch, int totalEpochs, long step, long totalSteps, double loss, double imagesPerSecond) { }

    public void OnEpoch(EpochMetrics epoch)
    {
        Epochs.Add(epoch);
        if (epoch.Epoch == ThrowAtEpoch) throw new Killed();
    }

    public void OnCheckpoint(WrittenCheckpoint checkpoint)
    {
        lock (Checkpoints) Checkpoints.Add(checkpoint);
    }

    public void OnLog(string line) { }
}
