using TorchSharp;
using Volley.GpuNode.Collectives;
using Volley.GpuNode.Gradients;
using Volley.GpuNode.Training;
using Volley.GpuNode.Training.Optimizers;
using Volley.Models;
using Volley.Shared.Config;
using static TorchSharp.torch;

namespace Volley.GpuNode.Tests.Training;

/// <summary>Training steps of ranks that are threads: torch has one random generator for all of them, so dropout, stochastic depth and Poisson are off.</summary>
public sealed class GroupStepTests
{
    private static readonly ModelInput Input = new(1, 28, 28, 10);
    private const int Batch = 24;
    private const int Steps = 3;

    // A bucket for every few parameters: many leave while backward runs.
    private const long SmallBuckets = 1024;

    public static TheoryData<string, int, int> Worlds
    {
        get
        {
            var worlds = new TheoryData<string, int, int>();
            foreach (var model in new[] { TinyTrial.ResNet, TinyTrial.Vit, TinyTrial.Sdt, TinyTrial.Spikformer })
                foreach (var (shards, ranks) in new[] { (2, 2), (3, 2), (5, 2), (4, 4) }) worlds.Add(model, shards, ranks);
            return worlds;
        }
    }

    [Theory]
    [MemberData(nameof(Worlds))]
    public void AnyNumberOfRanks_GivesTheSameBits_WithAndWithoutOverlap(string model, int shards, int ranks)
    {
        var alone = Train(Spec(model, shards), ranks: 1);
        Assert.All(Train(Spec(model, shards), ranks, isOverlapped: false), rank => Assert.Equal(alone[0], rank));
        Assert.All(Train(Spec(model, shards), ranks, isOverlapped: true), rank => Assert.Equal(alone[0], rank));
    }

    [Theory]
    [InlineData(TinyTrial.ResNet, 4, 1)]
    [InlineData(TinyTrial.ResNet, 3, 2)]
    [InlineData(TinyTrial.Sdt, 2, 1)]
    [InlineData(TinyTrial.Spikformer, 3, 1)]
    public void SynchronisedNorms_GiveTheSameBits_OnOneRankAndOnAsManyAsShards(string model, int shards, int accumulateSteps)
    {
        var spec = Spec(model, shards);
        spec = spec with { Train = spec.Train with { SyncBatchNorm = true, AccumulateSteps = accumulateSteps } };
        var alone = Train(spec, ranks: 1);
        // Several shards on several ranks: GroupTrainingTests, for threads share torch's generator.
        Assert.All(Train(spec, ranks: shards), rank => Assert.Equal(alone[0], rank));
        Assert.NotEqual(Train(spec with { Train = spec.Train with { SyncBatchNorm = false } }, ranks: 1)[0], alone[0]);
    }

    [Theory]
    [InlineData(TinyTrial.ResNet)]
    [InlineData(TinyTrial.Vit)]
    [InlineData(TinyTrial.Sdt)]
    [InlineData(TinyTrial.Spikformer)]
    public void ShardsWithSynchronisedNorms_AreTheWholeBatch_InDoublePrecision(string model)
    {
        var spec = Spec(model, 3);
        spec = spec with { Train = spec.Train with { SyncBatchNorm = true, Optimizer = new OptimizerSpec { Name = "sgd", Lr = 0.1, Momentum = 0 } } };
        using var whole = new Rank(spec with { Resources = new ResourcesSpec() }, null, isOverlapped: true, ScalarType.Float64);
        using var parts = new Rank(spec, null, isOverlapped: true, ScalarType.Float64);
        whole.Step(0);
        parts.Step(0);
        foreach (var (name, expected, found) in whole.Numbers().Zip(parts.Numbers(), (a, b) => (a.Name, a.Values, b.Values)))
        {
            // A bias before a norm has no gradient but rounding (golden/README.md).
            if (name.StartsWith("gradient", StringComparison.Ordinal) && expected.Max(Math.Abs) < 1e-12) continue;
            for (var i = 0; i < expected.Length; i++)
                Assert.True(Math.Abs(expected[i] - found[i]) <= 1e-10 * Math.Max(1, Math.Abs(expected[i])), $"{name}[{i}]: {expected[i]:R} and {found[i]:R}");
        }
    }

    [Fact]
    public void AccumulatedParts_GiveTheSameBits_OnAnyNumberOfRanks()
    {
        var spec = Spec(TinyTrial.ResNet, 3);
        spec = spec with { Train = spec.Train with { AccumulateSteps = 2, ClipNorm = 0.1 } };
        var alone = Train(spec, ranks: 1);
        Assert.All(Train(spec, ranks: 2), rank => Assert.Equal(alone[0], rank));
    }

    [Fact]
    public void LowPrecision_GivesTheSameBits_OnAnyNumberOfRanks()
    {
        var spec = Spec(TinyTrial.ResNet, 3);
        spec = spec with { Train = spec.Train with { Precision = "bf16" } };
        var alone = Train(spec, ranks: 1);
        Assert.All(Train(spec, ranks: 2), rank => Assert.Equal(alone[0], rank));
    }

    [Fact]
    public void RanksThatComeAndGo_GiveTheSameBits()
    {
        var spec = Spec(TinyTrial.ResNet, 3);
        var alone = Train(spec, ranks: 1);
        // Rank 0 goes on through all: three ranks, then alone, then two.
        var changing = new Changing(spec, [3, 1, 2]);
        Assert.Equal(alone[0], changing.Run());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void MostBuckets_LeaveWhileBackwardRuns_OnTheOverlappedPathOnly(bool isOverlapped)
    {
        var spec = Spec(TinyTrial.Vit, 2);
        var group = MemoryCollective.CreateGroup(ShardAssignment.Even(2, 2));
        var watched = new Watched(group[0]);
        using var first = new Rank(spec, watched, isOverlapped);
        using var second = new Rank(spec, group[1], isOverlapped);
        watched.IsBefore = () => first.BackwardTime == TimeSpan.Zero;   // added up when a backward has ended
        Together(() => first.Step(0), () => second.Step(0));
        Assert.Equal(isOverlapped, watched.Early > watched.Late);
        Assert.True(isOverlapped || watched.Early == 0, $"{watched.Early} buckets left early");
        foreach (var collective in group) collective.Dispose();
    }

    [Fact]
    public void ALostPeer_LeavesTheStepUndone_AndTheNextGroupDoesIt()
    {
        var spec = Spec(TinyTrial.ResNet, 2);
        var alone = Train(spec, ranks: 1);
        var group = MemoryCollective.CreateGroup(ShardAssignment.Even(2, 2));
        var survivor = new Rank(spec, group[0], isOverlapped: true);
        using (var lost = new Rank(spec, group[1], isOverlapped: true))
        {
            Together(() => survivor.Step(0), () => lost.Step(0));
            var before = survivor.State();
            group[1].Dispose();
            Assert.Throws<PeerLostException>(() => survivor.Step(1));
            Assert.Equal(before, survivor.State());
        }
        group[0].Dispose();
        survivor.Join(null);
        for (var step = 1; step < Steps; step++) survivor.Step(step);
        Assert.Equal(alone[0], survivor.State());
        survivor.Dispose();
    }

    [Fact]
    public void ARankThatWentAstray_IsNamed_OnEveryRank()
    {
        var spec = Spec(TinyTrial.Vit, 3);
        var group = MemoryCollective.CreateGroup(ShardAssignment.Even(3, 3));
        var ranks = group.Select(collective => new Rank(spec, collective, isOverlapped: true)).ToArray();
        Together([.. ranks.Select(rank => (Action)(() => rank.Step(0)))]);
        ranks[1].ChangeAParameter();
        var failures = new ParametersDifferException[ranks.Length];
        // Step 100 of the run: one that begins with a comparison.
        Together([.. ranks.Select((rank, i) => (Action)(() => failures[i] = Assert.Throws<ParametersDifferException>(() => rank.Step(1, ParameterCheck.EverySteps))))]);
        Assert.All(failures, failure => Assert.Equal((100L, ranks[0].LastBucket, 1), (failure.Step, failure.Bucket, Assert.Single(failure.Ranks))));
        foreach (var rank in ranks) rank.Dispose();
        foreach (var collective in group) collective.Dispose();
    }

    /// <returns>The state of each rank after the last step.</returns>
    private static string[] Train(TrialSpec spec, int ranks, bool isOverlapped = true)
    {
        var states = new string[ranks];
        var group = ranks == 1 ? [] : MemoryCollective.CreateGroup(ShardAssignment.Even(spec.Resources.Ranks, ranks));
        // All weights are drawn before the first step re-seeds the one generator.
        var made = Enumerable.Range(0, ranks).Select(position => new Rank(spec, ranks == 1 ? null : group[position], isOverlapped)).ToArray();
        Together([.. made.Select((rank, position) => (Action)(() =>
        {
            for (var step = 0; step < Steps; step++) rank.Step(step);
            states[position] = rank.State();
        }))]);
        foreach (var rank in made) rank.Dispose();
        foreach (var collective in group) collective.Dispose();
        return states;
    }

    /// <summary>Each on a thread of its own, as ranks are; a failure of any is the caller's.</summary>
    private static void Together(params Action[] bodies)
    {
        var failures = new System.Collections.Concurrent.ConcurrentQueue<Exception>();
        var threads = bodies.Select(body => new Thread(() =>
        {
            try
            {
                body();
            }
            catch (Exception failure)
            {
                failures.Enqueue(failure);
            }
        })).ToArray();
        foreach (var thread in threads) thread.Start();
        foreach (var thread in threads) thread.Join();
        if (failures.TryDequeue(out var first)) System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(first);
    }

    private static TrialSpec Spec(string family, int shards) => new()
    {
        Number = 0,
        Seed = 3,
        Train = new TrainingSpec
        {
            Dataset = new DatasetSpec { Name = "fashion-mnist" }, GlobalBatchSize = Batch, EmaDecay = 0.9,
            Model = TinyTrial.Model(family) switch
            {
                ResNetSpec resNet => resNet with { Dropout = 0 },
                VitSpec vit => vit with { Dropout = 0, DropPath = 0 },
                SdtSpec sdt => sdt with { Dropout = 0, DropPath = 0, Encoder = "direct" },
                SpikformerSpec spikformer => spikformer with { Dropout = 0, DropPath = 0 },
                var other => other,
            },
        },
        Resources = new ResourcesSpec { Ranks = shards },
    };

    /// <summary>Rank 0 goes on through groups of changing size; the others of each group are made anew and take its state over by training alone up to there.</summary>
    private sealed class Changing(TrialSpec spec, int[] worldSizes)
    {
        public string Run()
        {
            var state = "";
            using var first = new Rank(spec, null, isOverlapped: true);
            for (var step = 0; step < worldSizes.Length; step++)
            {
                var size = worldSizes[step];
                var group = MemoryCollective.CreateGroup(ShardAssignment.Even(spec.Resources.Ranks, size));
                var others = Enumerable.Range(1, size - 1).Select(_ => new Rank(spec, null, isOverlapped: true)).ToArray();
                foreach (var other in others)
                    for (var past = 0; past < step; past++) other.Step(past);
                first.Join(group[0]);
                for (var i = 0; i < others.Length; i++) others[i].Join(group[i + 1]);
                var at = step;
                Together([() => first.Step(at), .. others.Select(other => (Action)(() => other.Step(at)))]);
                foreach (var other in others) other.Dispose();
                foreach (var collective in group) collective.Dispose();
                state = first.State();
            }
            return state;
        }
    }

    /// <summary>A model, its optimizer and its steps, as a rank has them.</summary>
    private sealed class Rank : IDisposable
    {
        private readonly TrialSpec _spec;
        private readonly FlatOptimizer _optimizer;
        private readonly StepGuard _guard = new(CPU);
        private readonly EpochTally _tally = new(CPU);
        private readonly TrainingModel _model;
        private readonly TrainStep _step;

        public Rank(TrialSpec spec, ICollective? group, bool isOverlapped, ScalarType? type = null)
        {
            _spec = spec;
            var place = type is { } given ? new ComputePlace(CPU, given) : TrainingPlace.Choose(spec);
            var network = ModelRegistry.Create(spec.Train.Model, Input, spec.Seed);
            if (type is { } wanted) network.to(wanted);
            _model = new TrainingModel(network, place, spec.Train.EmaDecay);
            _model.Network.train();
            _optimizer = FlatOptimizer.Create(spec.Train.Optimizer, _model.Parameters, _model.Network.NeverDecayed);
            _step = new TrainStep(spec, Input, _model, _optimizer, place, _guard, _tally, group, isOverlapped, SmallBuckets);
        }

        public void Join(ICollective? group) => _step.Join(group);

        public TimeSpan BackwardTime => _step.Times.Backward;

        public IEnumerable<(string Name, double[] Values)> Numbers()
        {
            using var scope = NewDisposeScope();
            var parameters = _model.Parameters;
            for (var slot = 0; slot < parameters.Layout.Slots.Length; slot++)
            {
                var name = parameters.Layout.Slots[slot].Name;
                yield return ($"gradient of {name}", parameters.Gradient(slot).contiguous().data<double>().ToArray());
                yield return ($"value of {name}", parameters.Value(slot).contiguous().data<double>().ToArray());
            }
            if (_model.Buffers.Layout.Length > 0) yield return ("running statistics", _model.Buffers.Values.data<double>().ToArray());
        }

        public int LastBucket => GradientPlan.Of(_model, _spec, SmallBuckets).Buckets.Buckets[^1].Number;

        public void ChangeAParameter()
        {
            using var scope = NewDisposeScope();
            using var _ = no_grad();
            _model.Parameters.Value(_model.Parameters.Layout.Slots.Length - 1).view(-1)[0].add_(1e-3);
        }

        /// <param name="number">Of the run, where it is not that of the data.</param>
        public void Step(int step, int? number = null)
        {
            using var data = new ArrayData(Input, Batch * Steps, 0, 0, Batch, _spec.Resources.Ranks);
            using var parts = data.TrainEpoch(0, step, _step.Shards, CancellationToken.None).GetEnumerator();
            _step.Run(parts, number ?? step, 0, 1e-3);
        }

        /// <summary>Weights, optimizer, statistics, average and sums, as text.</summary>
        public string State()
        {
            using var scope = NewDisposeScope();
            var tensors = new List<Tensor> { _model.Parameters.Values, _model.Buffers.Values, _model.Counters.Values };
            tensors.AddRange(_optimizer.State.Values);
            tensors.AddRange(_model.Average()!.Tensors.Select(t => t.Tensor));
            var hash = System.Security.Cryptography.IncrementalHash.CreateHash(System.Security.Cryptography.HashAlgorithmName.SHA256);
            foreach (var tensor in tensors) hash.AppendData(tensor.contiguous().bytes);
            return $"{Convert.ToHexString(hash.GetHashAndReset())} {_optimizer.StepCount} {_tally.Read()} {_tally.Images}";
        }

        public void Dispose()
        {
            _step.Dispose();
            _optimizer.Dispose();
            _guard.Dispose();
            _tally.Dispose();
            _model.Dispose();
        }
    }

    /// <summary>Counts the buckets that leave while something holds, and the others.</summary>
    private sealed class Watched(ICollective inner) : ICollective
    {
        public Func<bool> IsBefore { get; set; } = () => false;
        public int Early { get; private set; }
        public int Late { get; private set; }

        public int Position => inner.Position;
        public int WorldSize => inner.WorldSize;
        public ShardAssignment Shards => inner.Shards;
        public string Transport => inner.Transport;

        public ICollectiveWork AllReduce(ReadOnlySpan<nint> pieces, long count, ElementType type, WireType wire, OperationName name)
        {
            if (name.Bucket >= 0 && IsBefore()) Early++;
            else if (name.Bucket >= 0) Late++;
            return inner.AllReduce(pieces, count, type, wire, name);
        }

        public ICollectiveWork ReduceScatter(ReadOnlySpan<nint> pieces, long count, ElementType type, WireType wire, OperationName name) => inner.ReduceScatter(pieces, count, type, wire, name);
        public ICollectiveWork AllGather(nint buffer, long count, ElementType type, OperationName name) => inner.AllGather(buffer, count, type, name);
        public ICollectiveWork Broadcast(nint buffer, long bytes, int root, OperationName name) => inner.Broadcast(buffer, bytes, root, name);
        public ICollectiveWork Barrier(OperationName name) => inner.Barrier(name);
        public void Abort(string reason) => inner.Abort(reason);
        public void Dispose() => inner.Dispose();
    }
}
