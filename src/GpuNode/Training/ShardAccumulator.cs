using Volley.GpuNode.Gradients;
using static TorchSharp.torch;

namespace Volley.GpuNode.Training;

/// <summary>
/// What the shards of a step add up to: gradients, running statistics, loss and hits. Each shard starts from the buffers as they
/// were before the step; sums follow <see cref="ShardTree"/>; statistics end as the mean over the shards.
/// </summary>
internal sealed class ShardAccumulator : IDisposable
{
    private readonly TrainingModel _model;
    private readonly int _shards;
    private readonly List<(Tensor Gradients, Tensor Buffers, Tensor Tally)> _stashed = [];
    private readonly Tensor _buffersBefore;
    private readonly Tensor _countersBefore;

    public ShardAccumulator(TrainingModel model, int shards)
    {
        _model = model;
        _shards = shards;
        Tally = zeros(2, dtype: ScalarType.Float64, device: model.Device).DetachFromDisposeScope();
        _buffersBefore = empty_like(model.Buffers.Values).DetachFromDisposeScope();
        _countersBefore = empty_like(model.Counters.Values).DetachFromDisposeScope();
    }

    /// <summary>[2], f64: mean loss of the step, images classified right.</summary>
    public Tensor Tally { get; }

    /// <param name="compute">Adds shard s's part to gradients, buffers and <see cref="Tally"/>.</param>
    public void Run(Action<int> compute)
    {
        if (_shards == 1)
        {
            Clear();
            compute(0);
            return;
        }
        Remember();
        try
        {
            ShardTree.Sum(_shards, shard => Fresh(compute, shard), Stash, AddStashed);
        }
        catch
        {
            Restore();   // an unfinished step leaves no trace in the statistics
            throw;
        }
        using var _ = no_grad();
        if (_model.Buffers.Layout.Length > 0) _model.Buffers.Values.div_(_shards);
    }

    public void Dispose()
    {
        Tally.Dispose();
        _buffersBefore.Dispose();
        _countersBefore.Dispose();
        foreach (var (gradients, buffers, tally) in _stashed)
        {
            gradients.Dispose();
            buffers.Dispose();
            tally.Dispose();
        }
    }

    private void Fresh(Action<int> compute, int shard)
    {
        Clear();
        Restore();
        compute(shard);
    }

    private void Clear()
    {
        _model.Parameters.ZeroGradients();
        Tally.fill_(0);
    }

    private void Remember()
    {
        using var _ = no_grad();
        _buffersBefore.copy_(_model.Buffers.Values);
        _countersBefore.copy_(_model.Counters.Values);
    }

    private void Restore()
    {
        using var _ = no_grad();
        _model.Buffers.Values.copy_(_buffersBefore);
        _model.Counters.Values.copy_(_countersBefore);
    }

    private void Stash(int depth)
    {
        while (_stashed.Count <= depth)
            _stashed.Add((Like(_model.Parameters.Gradients), Like(_model.Buffers.Values), Like(Tally)));
        using var _ = no_grad();
        _stashed[depth].Gradients.copy_(_model.Parameters.Gradients);
        _stashed[depth].Buffers.copy_(_model.Buffers.Values);
        _stashed[depth].Tally.copy_(Tally);
    }

    private void AddStashed(int depth)
    {
        using var _ = no_grad();
        _model.Parameters.Gradients.add_(_stashed[depth].Gradients);
        _model.Buffers.Values.add_(_stashed[depth].Buffers);
        Tally.add_(_stashed[depth].Tally);
    }

    private static Tensor Like(Tensor tensor) => empty_like(tensor).DetachFromDisposeScope();
}
