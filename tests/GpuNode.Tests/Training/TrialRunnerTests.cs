using Volley.GpuNode.Checkpointing;
using Volley.GpuNode.Data;
using Volley.GpuNode.Training;
using Volley.Shared;
using Volley.Shared.Config;

namespace Volley.GpuNode.Tests.Training;

public sealed class TrialRunnerTests : IDisposable
{
    private static readonly ModelInput Input = new(1, 28, 28, 10);
    private readonly TrialFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void TheSameSeed_GivesTheSameWeights_AndAnotherSeedOthers()
    {
        using var other = new TrialFolder();
        var spec = TinyTrial.Of(TinyTrial.ResNet);
        var first = _folder.Run(spec).Outcome!;
        Assert.Equal(first.WeightsSha256, other.Run(spec).Outcome!.WeightsSha256);
        Assert.NotEqual(first.WeightsSha256, other.Run(spec with { Seed = 99 }, attempt: 2).Outcome!.WeightsSha256);
    }

    [Fact]
    public void AStoreThatIsAwayAtTheEnd_IsWaitedFor_AndTheTrialEndsAsIfItHadBeenThere()
    {
        using var other = new TrialFolder();
        var spec = TinyTrial.Of(TinyTrial.ResNet);
        var expected = other.Run(spec).Outcome!.WeightsSha256;
        var away = _folder.Root + ".away";
        var problems = 0;
        var recorder = new Recorder
        {
            EpochEnded = epoch => { if (epoch.Epoch == spec.Train.Epochs) Directory.Move(_folder.Root, away); },
            ProblemMet = problem =>
            {
                Assert.Contains("is gone", problem, StringComparison.Ordinal);
                if (++problems == 2) Directory.Move(away, _folder.Root);
            },
        };
        var result = _folder.Run(spec, observer: recorder);
        Assert.Equal(expected, result.Outcome!.WeightsSha256);
        Assert.Equal(2, problems);
        Assert.Equal(result.Outcome.Data!.Digest, recorder.DataDigest);
    }

    [Fact]
    public void TheTestSet_IsTouchedOnce_AtTheEnd()
    {
        using var data = new ArrayData(Input, 96, 32, 32, 32);
        Run(data, epochs: 3);
        Assert.Equal([DataPart.Validation, DataPart.Validation, DataPart.Validation, DataPart.Test], data.Evaluated.Take(4));
        Assert.DoesNotContain(DataPart.Train, data.Evaluated);
        Assert.Equal(DataPart.Test, data.Evaluated[3]);
    }

    [Fact]
    public void WithoutAValidationPart_TheLastEpochIsReported()
    {
        using var data = new ArrayData(Input, 64, 0, 32, 32);
        var outcome = Run(data, epochs: 2).Outcome!;
        Assert.Null(outcome.Validation);
        Assert.Equal(2, outcome.BestEpoch);
        Assert.Equal(32, outcome.Test!.Images);
    }

    [Fact]
    public void Patience_StopsEarly_AndTheBestEpochsWeightsAreReported()
    {
        // A learning rate that wrecks the network after its warm-up: the first epoch stays the best.
        using var data = new ArrayData(Input, 128, 64, 64, 32);
        var result = Run(data, epochs: 9, train => train with
        {
            PatienceEpochs = 2,
            Optimizer = new OptimizerSpec { Name = "sgd", Lr = 30, Momentum = 0 },
            Schedule = new ScheduleSpec { Name = "constant", WarmupEpochs = 1, WarmupLr = 0.05 },
            ClipNorm = 1,
        }, objective: new ObjectiveSpec { Metric = "val_loss" });
        Assert.Equal((1, 3), (result.Outcome!.BestEpoch, result.Outcome.Epochs.Count));
        Assert.Equal(result.Outcome.Epochs[0].Validation!.Loss, result.Outcome.Validation!.Loss);
        Assert.True(File.Exists(Path.Combine(_folder.Root, result.LastCheckpoint!.RelativePath, CheckpointFiles.Best)));
        // What is reported is what the first epoch's weights do, not the last's.
        Assert.True(result.Outcome.Test!.Loss < 2 * result.Outcome.Validation.Loss, $"test {result.Outcome.Test.Loss}, best {result.Outcome.Validation.Loss}, last {result.Outcome.Epochs[2].Validation!.Loss}");
        Assert.True(result.Outcome.Epochs[2].Validation!.Loss > 2 * result.Outcome.Validation.Loss);
    }

    [Fact]
    public void Retention_LeavesTheNewestAndTheBest()
    {
        var spec = TinyTrial.Of(TinyTrial.Vit, train => train with { Epochs = 4 });
        var recorder = new Recorder();
        _folder.Run(spec with { Checkpoint = new CheckpointSpec { KeepLast = 1, KeepBest = 1, EverySteps = 3 } }, observer: recorder, retires: true);
        var kept = new CheckpointStore(_folder.Root).Complete().Select(c => c.Step).ToArray();
        var best = recorder.Epochs.OrderByDescending(e => e.Validation!.Accuracy).ThenBy(e => e.Epoch).First().Step;
        Assert.Equal(new[] { 16L, best }.Distinct(), kept);
        Assert.Equal([3, 4, 6, 8, 9, 12, 15, 16], recorder.Checkpoints.Select(c => c.Step));
    }

    [Fact]
    public void WithoutBeingAsked_NothingIsRetired()
    {
        _folder.Run(TinyTrial.Of(TinyTrial.Vit) with { Checkpoint = new CheckpointSpec { KeepLast = 1, KeepBest = 0 } });
        Assert.Equal([8L, 4L], new CheckpointStore(_folder.Root).Complete().Select(c => c.Step));
    }

    [Theory]
    [InlineData(TinyTrial.ResNet)]
    [InlineData(TinyTrial.Vit)]
    public void Bf16_TrainsLikeFp32_KeepsFullPrecisionWeights_AndResumesExactly(string family)
    {
        using var full = new TrialFolder();
        using var resumed = new TrialFolder();
        var spec = TinyTrial.Of(family);
        var low = spec with { Train = spec.Train with { Precision = "bf16" } };
        var reference = full.Run(spec).Outcome!;
        var outcome = _folder.Run(low).Outcome!;
        // Eight bits of mantissa: losses agree in their second digit over these eight steps, bits do not.
        Assert.Equal(reference.Epochs[^1].TrainLoss, outcome.Epochs[^1].TrainLoss, 0.1);
        Assert.NotEqual(reference.WeightsSha256, outcome.WeightsSha256);
        using var file = Models.Safetensors.SafetensorsFile.Open(Path.Combine(_folder.Root, "8.a1", CheckpointFiles.Model));
        Assert.DoesNotContain(file.Entries, entry => entry.Type == Models.Safetensors.SafetensorsType.BF16);
        Assert.Equal(outcome.WeightsSha256, resumed.RunInterrupted(low, 5).Outcome!.WeightsSha256);
    }

    [Fact]
    public void Bf16_IsRefusedForSpikingModels() =>
        Assert.Contains("train.precision: is bf16, which spiking models do not take",
            Assert.Throws<ConfigException>(() => _folder.Run(TinyTrial.Of(TinyTrial.Sdt, train => train with { Precision = "bf16" }))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("tet", "train.loss: is tet, which needs the time steps of a spiking model")]
    [InlineData("bce", "train.loss: is bce, but the data has one label per image")]
    public void ALossThatDoesNotFit_IsOneClearError(string loss, string expected) =>
        Assert.StartsWith(expected, Assert.Throws<ConfigException>(() => _folder.Run(TinyTrial.Of(TinyTrial.Vit, train => train with { Loss = loss }))).Message, StringComparison.Ordinal);

    [Fact]
    public void ACheckpointOfAnotherModel_LeavesTheParametersUntouched()
    {
        // The state file is forged to pass for this run: only the tensors disagree, and the optimizer's are looked at last.
        var spec = TinyTrial.Of(TinyTrial.Vit);
        _folder.Run(spec);
        using var data = new ArrayData(Input, 64, 0, 0, 32);
        using var scope = TorchSharp.torch.NewDisposeScope();
        using var model = new TrainingModel(Models.ModelRegistry.Create(spec.Train.Model, Input, 1), TrainingPlace.Choose(spec), 0);
        using var optimizer = GpuNode.Training.Optimizers.FlatOptimizer.Create(new OptimizerSpec { Name = "sgd" }, model.Parameters, model.Network.NeverDecayed);
        var before = model.Parameters.Values.clone();
        using var opened = CheckpointReader.Open(Path.Combine(_folder.Root, "8.a1"));
        var wrong = Assert.Throws<UserErrorException>(() =>
            new RunCheckpoints(model, optimizer, new BestWeights()).Restore(opened, StateFile.Parse(opened.State, opened.StatePath).Run));
        Assert.Contains("optimizer.safetensors: lacks 'momentum_buffer/", wrong.Message, StringComparison.Ordinal);
        Assert.Equal(0, (model.Parameters.Values - before).abs().sum().item<float>());
    }

    private TrialRunResult Run(ArrayData data, int epochs, Func<TrainingSpec, TrainingSpec>? change = null, ObjectiveSpec? objective = null)
    {
        var spec = TinyTrial.Of(TinyTrial.Vit, train => (change ?? (t => t))(train with { Epochs = epochs })) with { Objective = objective ?? new ObjectiveSpec() };
        return TrialRunner.Run(spec, 1, _folder.Directories, new TrialRunOptions { LatencyBudget = TimeSpan.Zero }, data, new Recorder(), TestContext.Current.CancellationToken);
    }
}
