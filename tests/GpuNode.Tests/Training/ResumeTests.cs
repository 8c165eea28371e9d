using Volley.GpuNode.Training;
using Volley.Shared;
using Volley.Shared.Config;
using Volley.Shared.Results;

namespace Volley.GpuNode.Tests.Training;

/// <summary>A run that was stopped and resumed equals one that was not, bit for bit.</summary>
public sealed class ResumeTests : IDisposable
{
    private readonly TrialFolder _straight = new();
    private readonly TrialFolder _interrupted = new();

    public void Dispose()
    {
        _straight.Dispose();
        _interrupted.Dispose();
    }

    [Theory]
    [InlineData(TinyTrial.ResNet, 1)]   // in the first epoch
    [InlineData(TinyTrial.ResNet, 4)]   // between the epochs
    [InlineData(TinyTrial.Vit, 6)]
    [InlineData(TinyTrial.Sdt, 2)]
    [InlineData(TinyTrial.Spikformer, 5)]
    public void AResumedRun_EqualsAnUndisturbedOne(string family, int stopAfter)
    {
        var spec = TinyTrial.Of(family);
        var whole = _straight.Run(spec);
        var resumed = _interrupted.RunInterrupted(spec, stopAfter);
        Same(whole, resumed);
    }

    [Fact]
    public void SoItIs_WithShards_Accumulation_Ema_AndPlainSgd()
    {
        var spec = TinyTrial.Of(TinyTrial.ResNet, train => train with
        {
            AccumulateSteps = 2, EmaDecay = 0.9, Optimizer = new OptimizerSpec { Name = "sgd", Lr = 0.05, Nesterov = true, WeightDecay = 5e-4 },
        }) with { Resources = new ResourcesSpec { Ranks = 3 } };
        Same(_straight.Run(spec), _interrupted.RunInterrupted(spec, 3));
    }

    [Fact]
    public void SoItIs_WhenStoppedWhileEvaluating()
    {
        var spec = TinyTrial.Of(TinyTrial.Vit);
        var whole = _straight.Run(spec);
        using var stop = new CancellationTokenSource();
        // The last step's request arrives before the evaluation that follows it.
        var recorder = new Recorder();
        var atLastStep = new StopAtStep(stop, 4);
        var first = _interrupted.Run(spec, observer: atLastStep, stop: stop);
        Assert.Equal(TrialEnd.Stopped, first.End);
        Assert.Equal((4L, 0), (first.LastCheckpoint!.Step, first.LastCheckpoint.Epoch));
        Same(whole, _interrupted.Run(spec, 2, recorder, [new(Path.Combine(_interrupted.Root, "4.a1"), null)]));
        Assert.Equal([1, 2], recorder.Epochs.Select(e => e.Epoch));
    }

    [Fact]
    public void ADamagedCheckpoint_IsSkippedForTheOneBefore()
    {
        var spec = TinyTrial.Of(TinyTrial.Vit);
        var whole = _straight.Run(spec);
        _interrupted.RunInterrupted(spec, 3);
        var damaged = Path.Combine(_interrupted.Root, "3.a1", "model.safetensors");
        File.WriteAllBytes(damaged, File.ReadAllBytes(damaged)[..^1]);
        var recorder = new Recorder();
        Same(whole, _interrupted.Run(spec, 3, recorder, [new(Path.Combine(_interrupted.Root, "3.a1"), null), new(Path.Combine(_interrupted.Root, "2.a1"), null)]));
        Assert.Contains(recorder.Log, line => line.Contains("Falling back", StringComparison.Ordinal) && line.Contains(damaged, StringComparison.Ordinal));
    }

    [Fact]
    public void AnotherConfiguration_IsRefused_WithEveryDifference()
    {
        var spec = TinyTrial.Of(TinyTrial.Vit);
        _straight.Run(spec);
        var other = spec with { Train = spec.Train with { Epochs = 3, Optimizer = spec.Train.Optimizer with { Lr = 0.1 } } };
        var wrong = Assert.Throws<UserErrorException>(() => _straight.Run(other, 2, resume: [new(Path.Combine(_straight.Root, "8.a1"), null)]));
        Assert.Contains("train.epochs: the checkpoint has 2, this run 3", wrong.Message, StringComparison.Ordinal);
        Assert.Contains("train.optimizer.lr: the checkpoint has 0.001, this run 0.1", wrong.Message, StringComparison.Ordinal);
    }

    /// <summary>An extended trial: more epochs from its last checkpoint, interrupted or not, and told.</summary>
    [Fact]
    public void MoreEpochs_GoOnFromTheEnd_WhereThatIsAllowed()
    {
        var spec = TinyTrial.Of(TinyTrial.Vit);
        var longer = spec with { Train = spec.Train with { Epochs = 4 } };
        foreach (var folder in new[] { _straight, _interrupted }) folder.Run(spec);
        var recorder = new Recorder();
        var whole = _straight.Run(longer, 2, recorder, [new(Path.Combine(_straight.Root, "8.a1"), null)], mayTrainLonger: true);
        Assert.Equal([3, 4], recorder.Epochs.Select(e => e.Epoch));
        Assert.Contains(recorder.Log, line => line.Contains("train.epochs was 2 when the checkpoint was written, now 4", StringComparison.Ordinal));

        using var stop = new CancellationTokenSource();
        Assert.Equal(TrialEnd.Stopped, _interrupted.Run(longer, 2, new StopAtStep(stop, 12), [new(Path.Combine(_interrupted.Root, "8.a1"), null)], stop, mayTrainLonger: true).End);
        Same(whole, _interrupted.Run(longer, 3, resume: [new(Path.Combine(_interrupted.Root, "12.a2"), null)], mayTrainLonger: true));
        Assert.Throws<UserErrorException>(() => _straight.Run(spec, 3, resume: [new(Path.Combine(_straight.Root, "16.a2"), null)], mayTrainLonger: true));      // never shorter
    }

    [Fact]
    public void AnotherNumberOfThreads_IsLogged()
    {
        var spec = TinyTrial.Of(TinyTrial.Vit);
        _straight.RunInterrupted(spec, 2);
        var recorder = new Recorder();
        _straight.Run(spec with { Resources = new ResourcesSpec { ThreadsPerRank = 2 } }, 3, recorder, [new(Path.Combine(_straight.Root, "2.a1"), null)]);
        Assert.Contains(recorder.Log, line => line.StartsWith("Numerics changed:", StringComparison.Ordinal) && line.Contains("2 threads", StringComparison.Ordinal));
    }

    private static void Same(TrialRunResult whole, TrialRunResult resumed)
    {
        Assert.Equal(TrialEnd.Finished, resumed.End);
        Assert.Equal(whole.Outcome!.WeightsSha256, resumed.Outcome!.WeightsSha256);
        Assert.Equal(whole.Outcome.BestEpoch, resumed.Outcome.BestEpoch);
        Assert.Equal(Told(whole.Outcome.Test!), Told(resumed.Outcome.Test!));
        Assert.Equal(whole.Outcome.Epochs.Select(Told), resumed.Outcome.Epochs.Select(Told));
    }

    private static string Told(EpochMetrics e) => $"{e.Epoch} {e.Step} {e.LearningRate:R} {e.TrainLoss:R} {e.TrainAccuracy:R} {Told(e.Validation!)}";

    private static string Told(Evaluation e) => $"{e.Images} {e.Loss:R} {e.Accuracy:R} {e.Top5:R}";

    private sealed class StopAtStep(CancellationTokenSource stop, long at) : ITrialObserver
    {
        public void OnProgress(int epoch, int totalEpochs, long step, long totalSteps, double loss, double imagesPerSecond)
        {
            if (step == at) stop.Cancel();
        }

        public void OnEpoch(EpochMetrics epoch) { }
        public void OnCheckpoint(WrittenCheckpoint checkpoint) { }
        public void OnLog(string line) { }
    }
}
