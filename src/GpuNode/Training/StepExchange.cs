using System.Collections.Immutable;
using Volley.GpuNode.Collectives;
using Volley.GpuNode.Gradients;
using Volley.GpuNode.Training.Optimizers;
using Volley.Models;
using static TorchSharp.torch;

namespace Volley.GpuNode.Training;

/// <summary>
/// One group's part in every step of this rank: which shards are its own, and the way of gradients, running statistics and tally through the
/// group. Made when a group has formed and disposed before the next; the group itself is borrowed.
/// </summary>
/// <remarks>Collectives work on host memory: what is on a device goes through copies there and back.</remarks>
internal sealed class StepExchange : IDisposable
{
    private readonly ICollective _group;
    private readonly TrainingModel _model;
    private readonly GradientReducer _reducer;
    private readonly ParameterCheck _check;
    private readonly BackwardMarks? _marks;
    private readonly ElementType _type;
    private readonly List<Tensor> _hostCopies = [];
    private IReadOnlyList<Tensor> _sources = [];
    private IReadOnlyList<Tensor> _hosts = [];
    private IReadOnlyList<Tensor> _aside = [];

    /// <param name="isOverlapped">Buckets leave while backward runs; false: after it. The same numbers.</param>
    public StepExchange(ICollective group, TrainingModel model, GradientPlan plan, bool isOverlapped)
    {
        (_group, _model, _type) = (group, model, plan.Type);
        _reducer = new GradientReducer(group, plan.Buckets, plan.Type, plan.Wire);
        _check = new ParameterCheck(group, plan.Buckets);
        Own = group.Shards.ByPosition[group.Position];
        Pieces = group.Shards.PiecesOf(group.Position);
        if (isOverlapped) _marks = new BackwardMarks(model.Network, block => _reducer.FinalUpTo(plan.FinalBehind(block)));
    }

    /// <summary>The shards of this rank.</summary>
    public TreePiece Own { get; }

    public ImmutableArray<TreePiece> Pieces { get; }

    private bool IsStaged => _model.Device.type != TorchSharp.DeviceType.CPU;

    /// <summary>At the start of a step: now and then, that all ranks hold the same parameters. A peer lost here costs nothing: the step has not begun.</summary>
    public void CheckParameters(long step)
    {
        if (step == 0 || step % ParameterCheck.EverySteps != 0) return;
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var values = IsStaged ? _model.Parameters.Values.cpu() : _model.Parameters.Values;
        _check.Run(step, values.bytes, _type == ElementType.Float64 ? 8 : 4);
    }

    /// <summary>Before the last shard is computed: what leaves from now on is a sum with what lies aside.</summary>
    /// <param name="pieces">Gradients of each piece; the last one's are still to be written by backward, or complete.</param>
    /// <param name="aside">Gradients to be added to the last piece's, in that order.</param>
    public void Start(long step, IReadOnlyList<Tensor> pieces, IReadOnlyList<Tensor> aside)
    {
        _sources = pieces;
        _aside = aside;
        while (IsStaged && _hostCopies.Count < _sources.Count) _hostCopies.Add(empty_like(_sources[0], device: CPU).DetachFromDisposeScope());
        _hosts = IsStaged ? _hostCopies[.._sources.Count] : _sources;
        _reducer.Start(step, [.. _hosts.Select(TensorMemory.Address)], Complete);
    }

    /// <summary>For the step's last forward and backward: then what is behind a block is final when backward reaches it.</summary>
    public void Mark(bool isLastOfStep)
    {
        if (_marks is not null) _marks.IsActive = isLastOfStep;
    }

    /// <summary>The rest of the gradients, and with them what else the pieces have; returns when the model's gradients and the last piece of the others are the sums over all shards.</summary>
    /// <param name="statistics">Of each piece; none where they are the same on all ranks.</param>
    /// <param name="tallies">Of each piece.</param>
    public void Finish(IReadOnlyList<Tensor> statistics, IReadOnlyList<Tensor> tallies)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        _reducer.FinalUpTo(_model.Parameters.Layout.Length);
        Action[] takes = [Begin("running statistics", statistics), Begin("tally", tallies)];
        _reducer.Wait();
        Take(_hosts[0], _model.Parameters.Gradients);
        foreach (var take in takes) take();
    }

    /// <summary>The step will not be complete: the other ranks are told, and memory is free when this returns.</summary>
    public void Abandon(Exception failure) => _reducer.Abandon(failure is PeerLostException ? failure.Message : $"a step failed on rank {_group.Position}: {failure.Message}");

    public void Dispose()
    {
        _marks?.Dispose();
        _check.Dispose();
        foreach (var copy in _hostCopies) copy.Dispose();
    }

    private void Complete(GradientBucket bucket)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        _model.Parameters.FoldGradients(bucket.Start, bucket.Length);
        var own = Part(_sources[^1], bucket);
        foreach (var sum in _aside) own.add_(Part(sum, bucket));
        for (var i = 0; IsStaged && i < _sources.Count; i++) Part(_hosts[i], bucket).copy_(Part(_sources[i], bucket));
    }

    /// <returns>What is to be done when the sum is there.</returns>
    private Action Begin(string what, IReadOnlyList<Tensor> pieces)
    {
        if (pieces.Count == 0 || pieces[0].numel() == 0) return () => { };   // a network without running statistics, on every rank alike
        Tensor[] hosts = [.. pieces.Select(piece => IsStaged ? piece.cpu() : piece)];
        _reducer.Begin(what, [.. hosts.Select(TensorMemory.Address)], hosts[0].numel(), hosts[0].dtype == ScalarType.Float64 ? ElementType.Float64 : ElementType.Float32);
        return () => Take(hosts[0], pieces[^1]);
    }

    private static void Take(Tensor sum, Tensor into)
    {
        if (!ReferenceEquals(sum, into)) into.copy_(sum);
    }

    private static Tensor Part(Tensor flat, GradientBucket bucket) => flat.narrow(0, bucket.Start, bucket.Length);
}
