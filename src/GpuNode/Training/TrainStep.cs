using System.Diagnostics;
using Volley.GpuNode.Collectives;
using Volley.GpuNode.Data;
using Volley.GpuNode.Gradients;
using Volley.GpuNode.Training.Optimizers;
using Volley.Models;
using Volley.Shared.Config;
using Volley.Shared.Determinism;
using Volley.Shared.Failpoints;
using static TorchSharp.torch;

namespace Volley.GpuNode.Training;

/// <summary>One optimizer step: every shard's forward and backward, their canonical sum, the checks, the update. Reads in execution order.</summary>
/// <remarks>
/// A rank runs its shards one after the other: all of them, or those that its group leaves to it. Whatever could depend on who computes a shard follows
/// from (seed, step, shard). A step is complete or has not happened: until every sum is there, nothing has changed but running statistics, which are put back.
/// </remarks>
internal sealed class TrainStep : IDisposable
{
    private readonly TrialSpec _spec;
    private readonly ModelInput _input;
    private readonly TrainingModel _model;
    private readonly FlatOptimizer _optimizer;
    private readonly TrainingLoss _loss;
    private readonly ComputePlace _place;
    private readonly ShardAccumulator _sum;
    private readonly StepGuard _guard;
    private readonly EpochTally _tally;
    private readonly GradientPlan _plan;
    private readonly bool _isOverlapped;
    private readonly SynchronisedShards? _synchronised;
    private StepExchange? _exchange;
    private bool _viewsVerified;

    /// <param name="group">Null: this rank runs all shards. Borrowed.</param>
    /// <param name="isOverlapped">Gradients leave while backward runs; false: after it. The same numbers.</param>
    public TrainStep(TrialSpec spec, ModelInput input, TrainingModel model, FlatOptimizer optimizer, ComputePlace place, StepGuard guard, EpochTally tally,
        ICollective? group = null, bool isOverlapped = true, long bucketBytes = BucketPlan.BucketBytes)
    {
        (_spec, _input, _model, _optimizer, _place, _guard, _tally) = (spec, input, model, optimizer, place, guard, tally);
        _loss = new TrainingLoss(spec.Train, input);
        _sum = new ShardAccumulator(model, spec.Resources.Ranks);
        _plan = GradientPlan.Of(model, spec, bucketBytes);
        _isOverlapped = isOverlapped;
        if (spec.Train.SyncBatchNorm && spec.Resources.Ranks > 1) _synchronised = new SynchronisedShards(model, spec.Resources.Ranks);
        Join(group);
    }

    /// <summary>The shards that this rank runs, in the order in which their batches are wanted.</summary>
    public IReadOnlyList<int> Shards { get; private set; } = [];

    /// <summary>Where the time of the steps so far went.</summary>
    public StepTimes Times { get; } = new();

    /// <summary>Between steps: goes on with another group, or alone.</summary>
    public void Join(ICollective? group)
    {
        if (group is not null && group.Shards.Shards != _spec.Resources.Ranks)
            throw new ArgumentException($"the group divides {group.Shards.Shards} shards, the trial has {_spec.Resources.Ranks}.");
        _exchange?.Dispose();
        _exchange = group is null ? null : new StepExchange(group, _model, _plan, _isOverlapped && _synchronised is null);
        _sum.Use(_exchange);
        _synchronised?.Use(group, _exchange);
        Shards = _exchange is { Own: var own } ? [.. Enumerable.Range(own.First, own.Count)] : [.. Enumerable.Range(0, _spec.Resources.Ranks)];
    }

    /// <param name="parts">Gives the step's batch of each of <see cref="Shards"/>, in order.</param>
    /// <param name="step">From 0, over the whole run.</param>
    /// <exception cref="PeerLostException">The group is over; the step has not happened.</exception>
    public void Run(IEnumerator<ImageBatch> parts, long step, int epoch, double learningRate)
    {
        if (epoch == 0) Failpoint.Hit(FailpointNames.RankFirstEpoch);
        _exchange?.CheckParameters(step);
        var began = Stopwatch.GetTimestamp();
        var (tally, globalCount) = _synchronised is null ? RunShards(parts, step) : RunTogether(_synchronised, parts, step);
        var summed = Stopwatch.GetTimestamp();
        Times.Sums += Stopwatch.GetElapsedTime(began, summed);
        VerifyViewsOnce();
        Failpoint.Hit(FailpointNames.RankMidStep);

        using var norm = GradientNorm.Of(_model.Parameters);
        using (var loss = tally[0]) _guard.Record(step, epoch, learningRate, loss, norm);
        _optimizer.Step(learningRate, GradientNorm.Clip(_model.Parameters, norm, _spec.Train.ClipNorm));
        _model.Parameters.Publish();
        _model.UpdateAverage();
        _tally.Add(tally, globalCount);
        Times.Update += Stopwatch.GetElapsedTime(summed);
    }

    public void Dispose()
    {
        _exchange?.Dispose();
        _sum.Dispose();
        _synchronised?.Dispose();
    }

    private (Tensor Tally, int GlobalCount) RunShards(IEnumerator<ImageBatch> parts, long step)
    {
        var globalCount = 0;
        _sum.Run(step, shard =>
        {
            var part = Next(parts, step, shard);
            globalCount = part.GlobalCount;
            AddShard(part, step, shard);
        });
        return (_sum.Tally, globalCount);
    }

    private (Tensor Tally, int GlobalCount) RunTogether(SynchronisedShards shards, IEnumerator<ImageBatch> parts, long step)
    {
        // All at once: copies, because a batch is valid only until the next one is taken.
        ImageBatch[] batches = [.. Shards.Select(shard => Next(parts, step, shard).Copy())];
        shards.Run(step, (local, tally, sums) => AddShardTogether(batches[local], step, Shards[local], tally, sums));
        return (shards.Tally, batches[0].GlobalCount);
    }

    private static ImageBatch Next(IEnumerator<ImageBatch> parts, long step, int shard) =>
        parts.MoveNext() ? parts.Current : throw new InvalidOperationException($"step {step}: no batch for shard {shard}");

    private void AddShard(ImageBatch part, long step, int shard)
    {
        Seed(step, shard);
        var pieces = _spec.Train.AccumulateSteps;
        for (var piece = 0; piece < pieces; piece++)
        {
            var (first, count) = PartOf(part.Count, piece);
            if (count > 0) AddImages(part, first, count, _sum.Tally, isLastOfStep: _exchange is not null && shard == Shards[^1] && piece == pieces - 1);
        }
    }

    // Norms sum over all shards, so a shard without an image in a part of the batch walks along with a blank one that counts nothing.
    private void AddShardTogether(ImageBatch batch, long step, int shard, Tensor tally, ShardNormSums sums)
    {
        Seed(step, shard);
        for (var piece = 0; piece < _spec.Train.AccumulateSteps; piece++)
        {
            var (first, count) = PartOf(batch.Count, piece);
            sums.IsBlank = count == 0;
            if (count > 0) AddImages(batch, first, count, tally, isLastOfStep: false);
            else if (AnyShardHasImages(batch.GlobalCount, piece)) AddBlank();
        }
    }

    private bool AnyShardHasImages(int globalCount, int piece) =>
        Enumerable.Range(0, _spec.Resources.Ranks).Any(shard => PartOf(EpochOrder.ShardPart(globalCount, shard, _spec.Resources.Ranks).Count, piece).Count > 0);

    private void AddBlank()
    {
        using var scope = NewDisposeScope();
        var blank = zeros([1, _input.Channels, _input.Height, _input.Width], dtype: _place.Type, device: _place.Device);
        (_model.Network.call(blank).sum() * 0).backward();
        BackwardFailure.ThrowIfAny();
        _model.Parameters.FoldGradients();
    }

    private void Seed(long step, int shard) => manual_seed((long)Seeds.Derive(_spec.Seed, "dropout", step, shard));

    private (int First, int Count) PartOf(int count, int piece)
    {
        var pieces = _spec.Train.AccumulateSteps;
        var first = (int)((long)count * piece / pieces);
        return (first, (int)((long)count * (piece + 1) / pieces) - first);
    }

    private void AddImages(ImageBatch part, int first, int count, Tensor tally, bool isLastOfStep)
    {
        using var scope = NewDisposeScope();
        _exchange?.Mark(isLastOfStep);
        var began = Stopwatch.GetTimestamp();
        var pixels = BatchUpload.Pixels(part, _input, first, count, _place);
        var (lossSum, hits) = _loss.Compute(_model.Network, pixels, part, first);
        var loss = lossSum / part.GlobalCount;
        var forwardDone = Stopwatch.GetTimestamp();
        loss.backward();
        BackwardFailure.ThrowIfAny();
        Times.AddPart(Stopwatch.GetElapsedTime(began, forwardDone), Stopwatch.GetElapsedTime(forwardDone));
        if (!isLastOfStep) _model.Parameters.FoldGradients();   // the exchange does it, bucket by bucket
        using var _ = no_grad();
        tally.add_(stack([loss.detach().to(ScalarType.Float64), hits.to(ScalarType.Float64)]));
    }

    // Something that drops a gradient's view would do so in the first step; later ones need not pay for the look.
    private void VerifyViewsOnce()
    {
        if (_viewsVerified) return;
        _model.Parameters.VerifyViews();
        _viewsVerified = true;
    }
}
