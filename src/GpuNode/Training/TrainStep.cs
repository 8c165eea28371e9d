using Volley.GpuNode.Data;
using Volley.GpuNode.Training.Optimizers;
using Volley.Models;
using Volley.Shared.Config;
using Volley.Shared.Determinism;
using Volley.Shared.Failpoints;
using static TorchSharp.torch;

namespace Volley.GpuNode.Training;

/// <summary>One optimizer step: every shard's forward and backward, their canonical sum, the checks, the update. Reads in execution order.</summary>
/// <remarks>This rank runs all shards, one after the other. Whatever could depend on who computes a shard follows from (seed, step, shard).</remarks>
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
    private bool _viewsVerified;

    public TrainStep(TrialSpec spec, ModelInput input, TrainingModel model, FlatOptimizer optimizer, ComputePlace place, StepGuard guard, EpochTally tally)
    {
        (_spec, _input, _model, _optimizer, _place, _guard, _tally) = (spec, input, model, optimizer, place, guard, tally);
        _loss = new TrainingLoss(spec.Train, input);
        _sum = new ShardAccumulator(model, spec.Resources.Ranks);
    }

    /// <param name="parts">Gives the step's batch of each shard, in order.</param>
    /// <param name="step">From 0, over the whole run.</param>
    public void Run(IEnumerator<ImageBatch> parts, long step, int epoch, double learningRate)
    {
        if (epoch == 0) Failpoint.Hit(FailpointNames.RankFirstEpoch);
        var globalCount = 0;
        _sum.Run(shard =>
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

    public void Dispose() => _sum.Dispose();

    private void AddShard(ImageBatch part, long step, int shard)
    {
        manual_seed((long)Seeds.Derive(_spec.Seed, "dropout", step, shard));
        var pieces = _spec.Train.AccumulateSteps;
        for (var piece = 0; piece < pieces; piece++)
        {
            var first = (int)((long)part.Count * piece / pieces);
            var count = (int)((long)part.Count * (piece + 1) / pieces) - first;
            if (count > 0) AddImages(part, first, count);
        }
    }

    private void AddImages(ImageBatch part, int first, int count)
    {
        using var scope = NewDisposeScope();
        var pixels = BatchUpload.Pixels(part, _input, first, count, _place);
        var (lossSum, hits) = _loss.Compute(_model.Network, pixels, part, first);
        var loss = lossSum / part.GlobalCount;
        loss.backward();
        BackwardFailure.ThrowIfAny();
        _model.Parameters.FoldGradients();
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
