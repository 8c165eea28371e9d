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
        Join(group);
    }

    /// <summary>The shards that this rank runs, in the order in which their batches are wanted.</summary>
    public IReadOnlyList<int> Shards { get; private set; } = [];

    /// <summary>Between steps: goes on with another group, or alone.</summary>
    public void Join(ICollective? group)
    {
        if (group is not null && group.Shards.Shards != _spec.Resources.Ranks)
            throw new ArgumentException($"the group divides {group.Shards.Shards} shards, the trial has {_spec.Resources.Ranks}.");
        _exchange?.Dispose();
        _exchange = group is null ? null : new StepExchange(group, _model, _plan, _isOverlapped);
        _sum.Use(_exchange);
        Shards = _exchange is { Own: var own } ? [.. Enumerable.Range(own.First, own.Count)] : [.. Enumerable.Range(0, _spec.Resources.Ranks)];
    }

    /// <param name="parts">Gives the step's batch of each of <see cref="Shards"/>, in order.</param>
    /// <param name="step">From 0, over the whole run.</param>
    /// <exception cref="PeerLostException">The group is over; the step has not happened.</exception>
    public void Run(IEnumerator<ImageBatch> parts, long step, int epoch, double learningRate)
    {
        if (epoch == 0) Failpoint.Hit(FailpointNames.RankFirstEpoch);
        _exchange?.CheckParameters(step);
        var globalCount = 0;
        _sum.Run(step, shard =>
        {
            if (!parts.MoveNext()) throw new InvalidOperationException($"step {step}: no batch for shard {shard}");
            globalCount = parts.Current.GlobalCount;
            AddShard(parts.Current, step, shard);
        });
        VerifyViewsOnce();
        Failpoint.Hit(FailpointNames.RankMidStep);

        using var norm = GradientNorm.Of(_model.Parameters);
        using (var loss = _sum.Tally[0]) _guard.Record(step, epoch, learningRate, loss, norm);
        _optimizer.Step(learningRate, GradientNorm.Clip(_model.Parameters, norm, _spec.Train.ClipNorm));
        _model.Parameters.Publish();
        _model.UpdateAverage();
        _tally.Add(_sum.Tally, globalCount);
    }

    public void Dispose()
    {
        _exchange?.Dispose();
        _sum.Dispose();
    }

    private void AddShard(ImageBatch part, long step, int shard)
    {
        manual_seed((long)Seeds.Derive(_spec.Seed, "dropout", step, shard));
        var pieces = _spec.Train.AccumulateSteps;
        for (var piece = 0; piece < pieces; piece++)
        {
            var first = (int)((long)part.Count * piece / pieces);
            var count = (int)((long)part.Count * (piece + 1) / pieces) - first;
            if (count > 0) AddImages(part, first, count, isLastOfStep: _exchange is not null && shard == Shards[^1] && piece == pieces - 1);
        }
    }

    private void AddImages(ImageBatch part, int first, int count, bool isLastOfStep)
    {
        using var scope = NewDisposeScope();
        _exchange?.Mark(isLastOfStep);
        var pixels = BatchUpload.Pixels(part, _input, first, count, _place);
        var (lossSum, hits) = _loss.Compute(_model.Network, pixels, part, first);
        var loss = lossSum / part.GlobalCount;
        loss.backward();
        BackwardFailure.ThrowIfAny();
        if (!isLastOfStep) _model.Parameters.FoldGradients();   // the exchange does it, bucket by bucket
        using var _ = no_grad();
        _sum.Tally.add_(stack([loss.detach().to(ScalarType.Float64), hits.to(ScalarType.Float64)]));
    }

    // Something that drops a gradient's view would do so in the first step; later ones need not pay for the look.
    private void VerifyViewsOnce()
    {
        if (_viewsVerified) return;
        _model.Parameters.VerifyViews();
        _viewsVerified = true;
    }
}
