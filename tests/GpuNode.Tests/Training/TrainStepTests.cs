using TorchSharp;
using Volley.GpuNode.Training;
using Volley.GpuNode.Training.Optimizers;
using Volley.Models;
using Volley.Shared.Config;
using static TorchSharp.torch;

namespace Volley.GpuNode.Tests.Training;

public sealed class TrainStepTests : IDisposable
{
    private static readonly ModelInput Input = new(1, 28, 28, 10);
    private const int Batch = 16;
    private readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Theory]
    [InlineData(2, 1)]
    [InlineData(3, 1)]
    [InlineData(1, 4)]
    [InlineData(2, 2)]
    public void ShardsAndPieces_AddUpToTheWholeBatch(int shards, int accumulateSteps)
    {
        // No batch norm, no dropout: only the order of additions differs.
        var whole = Gradients(Calm(), shards: 1, accumulateSteps: 1);
        var parts = Gradients(Calm(), shards, accumulateSteps);
        Assert.True((whole - parts).abs().max().item<float>() <= 1e-6 * Math.Max(1, whole.abs().max().item<float>()));
        Assert.True(whole.abs().max().item<float>() > 1e-3);
    }

    [Fact]
    public void RunningStatistics_AreTheMeanOfTheShards_AndCountOneStep()
    {
        var spec = Spec(TinyTrial.Model(TinyTrial.ResNet), shards: 2);
        using var both = new Bench(spec);
        both.Step(0);
        var means = new List<Tensor>();
        for (var shard = 0; shard < 2; shard++)
        {
            // One shard alone, on the same images and with the same random numbers.
            using var alone = new Bench(spec with { Resources = new ResourcesSpec() }, only: shard);
            alone.Step(0);
            means.Add(alone.Model.Buffers.Values.clone());
        }
        Assert.True((both.Model.Buffers.Values - (means[0] + means[1]) / 2).abs().max().item<float>() < 1e-6);
        Assert.All(both.Model.Network.state_dict().Where(t => t.Key.EndsWith("num_batches_tracked", StringComparison.Ordinal)), t => Assert.Equal(1, t.Value.item<long>()));
    }

    [Fact]
    public void AnUnfinishedStep_LeavesStatisticsAndWeightsAsTheyWere()
    {
        using var bench = new Bench(Spec(TinyTrial.Model(TinyTrial.ResNet), shards: 2), broken: (1, 1));
        bench.Step(0);
        var (buffers, counters, values) = (bench.Model.Buffers.Values.clone(), bench.Model.Counters.Values.clone(), bench.Model.Parameters.Values.clone());
        Assert.Throws<IOException>(() => bench.Step(1));
        Assert.Equal(0, (bench.Model.Buffers.Values - buffers).abs().sum().item<float>());
        Assert.Equal(0, (bench.Model.Counters.Values - counters).abs().sum().item<long>());
        Assert.Equal(0, (bench.Model.Parameters.Values - values).abs().sum().item<float>());
    }

    [Theory]
    [InlineData(float.NaN, "loss")]
    [InlineData(float.PositiveInfinity, "loss")]
    public void ANonFiniteLoss_EndsTheTrial_BeforeTheUpdate(float pixel, string what)
    {
        using var bench = new Bench(Spec(Calm()), poison: (_, step) => step == 2 ? pixel : 0);
        bench.Step(0);
        bench.Step(1);
        var before = bench.Model.Parameters.Values.clone();
        var failure = Assert.Throws<NonFiniteStepException>(() => bench.Step(2));
        Assert.Equal((2L, 2), (failure.Step, failure.LastLosses.Count));
        Assert.Contains($"the {what} is not finite at learning rate 0.001", failure.Message, StringComparison.Ordinal);
        Assert.Equal(0, (bench.Model.Parameters.Values - before).abs().sum().item<float>());
    }

    [Fact]
    public void ClipNorm_BoundsTheUpdate()
    {
        var plain = new OptimizerSpec { Name = "sgd", Momentum = 0, Lr = 1 };
        using var clipped = new Bench(Spec(Calm()) with { Train = Spec(Calm()).Train with { ClipNorm = 0.01, Optimizer = plain } });
        var before = clipped.Model.Parameters.Values.clone();
        clipped.Step(0, learningRate: 1);
        Assert.Equal(0.01, (clipped.Model.Parameters.Values - before).norm().item<float>(), 1e-4);
    }

    [Fact]
    public void LiveTensors_StayAsManyAsTheyWere()
    {
        using var bench = new Bench(Spec(TinyTrial.Model(TinyTrial.ResNet), shards: 2, ema: 0.9), train: Batch * 50);
        var counts = new List<long>();
        for (var step = 0; step < 50; step++)
        {
            bench.Step(step);
            if (step is 9 or 49) counts.Add(DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        }
        Assert.Equal(counts[0], counts[1]);
    }

    [Fact]
    public void TheAverage_FollowsItsRecursion()
    {
        using var bench = new Bench(Spec(Calm(), ema: 0.75));
        var start = bench.Model.Parameters.Values.clone();
        bench.Step(0);
        var first = bench.Model.Parameters.Values.clone();
        bench.Step(1);
        var expected = (start * 0.75 + first * 0.25) * 0.75 + bench.Model.Parameters.Values * 0.25;
        var average = bench.Model.WithReportedWeights(() => bench.Model.Parameters.Values.clone().DetachFromDisposeScope());
        Assert.True((average - expected).abs().max().item<float>() < 1e-6);
    }

    private static Tensor Gradients(ModelSpec model, int shards, int accumulateSteps)
    {
        var spec = Spec(model, shards);
        using var bench = new Bench(spec with { Train = spec.Train with { AccumulateSteps = accumulateSteps } });
        bench.Step(0);
        return bench.Model.Parameters.Gradients.clone();
    }

    private static VitSpec Calm() => (VitSpec)TinyTrial.Model(TinyTrial.Vit) with { Dropout = 0, DropPath = 0 };

    private static TrialSpec Spec(ModelSpec model, int shards = 1, double ema = 0) => new()
    {
        Number = 0,
        Seed = 3,
        Train = new TrainingSpec { Dataset = new DatasetSpec { Name = "fashion-mnist" }, Model = model, GlobalBatchSize = Batch, EmaDecay = ema },
        Resources = new ResourcesSpec { Ranks = shards },
    };

    /// <summary>One model, its optimizer and its steps.</summary>
    private sealed class Bench : IDisposable
    {
        private readonly FlatOptimizer _optimizer;
        private readonly StepGuard _guard = new(CPU);
        private readonly EpochTally _tally = new(CPU);
        private readonly TrainStep _step;
        private readonly IEnumerator<GpuNode.Data.ImageBatch> _parts;

        public Bench(TrialSpec spec, int? only = null, (int, int)? broken = null, Func<int, int, float>? poison = null, int train = Batch * 4)
        {
            var place = TrainingPlace.Choose(spec);
            Model = new TrainingModel(ModelRegistry.Create(spec.Train.Model, Input, spec.Seed), place, spec.Train.EmaDecay);
            Model.Network.train();
            _optimizer = FlatOptimizer.Create(spec.Train.Optimizer, Model.Parameters, Model.Network.NeverDecayed);
            _step = new TrainStep(spec, Input, Model, _optimizer, place, _guard, _tally);
            var data = new ArrayData(Input, train, 0, 0, spec.Train.GlobalBatchSize, only is null ? spec.Resources.Ranks : 2) { Broken = broken, Poison = poison };
            _parts = data.TrainEpoch(0, 0, only is { } shard ? [shard] : [.. Enumerable.Range(0, spec.Resources.Ranks)], TestContext.Current.CancellationToken).GetEnumerator();
        }

        public TrainingModel Model { get; }

        public void Step(long step, double learningRate = 1e-3) => _step.Run(_parts, step, 0, learningRate);

        public void Dispose()
        {
            _parts.Dispose();
            _step.Dispose();
            _optimizer.Dispose();
            _guard.Dispose();
            _tally.Dispose();
            Model.Dispose();
        }
    }
}
