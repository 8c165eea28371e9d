using Volley.GpuNode.Collectives;
using Volley.GpuNode.Gradients;
using static TorchSharp.torch;

namespace Volley.GpuNode.Training;

/// <summary>
/// What the shards of a step add up to: gradients, running statistics, loss and hits. Each shard starts from the buffers as they
/// were before the step; sums follow <see cref="ShardTree"/>; statistics end as the mean over the shards.
/// </summary>
/// <remarks>
/// Without a group this rank runs all shards. With one it runs its own, in whole subtrees (<see cref="ShardAssignment.PiecesOf"/>), each summed
/// in memory of its own that is kept; the last is where backward writes. The group adds the pieces.
/// </remarks>
internal sealed class ShardAccumulator : IDisposable
{
    private readonly TrainingModel _model;
    private readonly int _shards;
    private readonly List<StepSums> _stashed = [];
    private readonly List<StepSums> _pieces = [];   // all but the last
    private readonly Tensor _buffersBefore;
    private readonly Tensor _countersBefore;
    private StepExchange? _exchange;

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

    /// <summary>Where the sums of other ranks are added; null: this rank runs all shards. Between steps only; borrowed.</summary>
    public void Use(StepExchange? exchange) => _exchange = exchange;

    /// <param name="compute">Adds shard s's part to gradients, buffers and <see cref="Tally"/>.</param>
    /// <exception cref="PeerLostException">The group is over; buffers and counters are as they were before the step.</exception>
    public void Run(long step, Action<int> compute)
    {
        if (_exchange is null && _shards == 1)
        {
            Clear();
            compute(0);
            return;
        }
        Remember();
        try
        {
            if (_exchange is null) ShardTree.Sum(_shards, shard => Fresh(compute, shard), Stash, depth => AddStashed(depth));
            else SumWithOthers(_exchange, step, compute);
        }
        catch (Exception failure)
        {
            _exchange?.Abandon(failure);
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
        foreach (var sums in _stashed) sums.Dispose();
        foreach (var sums in _pieces) sums.Dispose();
    }

    private void SumWithOthers(StepExchange exchange, long step, Action<int> compute)
    {
        var pieces = exchange.Pieces;
        while (_pieces.Count < pieces.Length - 1) _pieces.Add(new StepSums(_model, Tally));
        var earlier = _pieces.Take(pieces.Length - 1).ToArray();
        for (var p = 0; p < pieces.Length; p++)
        {
            var (first, count) = pieces[p];
            var isLast = p == pieces.Length - 1;
            var gradientsLeave = false;
            ShardTree.Sum(count, shard =>
            {
                if (isLast && shard == count - 1)
                {
                    // From here on backward writes what is final: a bucket gets what was put aside when it leaves, not at the end.
                    gradientsLeave = true;
                    exchange.Start(step, [.. earlier.Select(piece => piece.Gradients), _model.Parameters.Gradients], [.. _stashed.Take(RightTurns(count)).Reverse().Select(sums => sums.Gradients)]);
                }
                Fresh(compute, first + shard);
            }, Stash, depth => AddStashed(depth, withGradients: !gradientsLeave));
            if (!isLast) Keep(_pieces[p]);
        }
        exchange.Finish([.. earlier.Select(piece => piece.Buffers), _model.Buffers.Values], [.. earlier.Select(piece => piece.Tally), Tally]);
    }

    /// <summary>How many sums lie aside when the last of <paramref name="count"/> shards is computed: at the depths 0 … n − 1.</summary>
    private static int RightTurns(int count)
    {
        var turns = 0;
        for (; count > 1; turns++) count -= ShardTree.LeftCount(count);
        return turns;
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
        while (_stashed.Count <= depth) _stashed.Add(new StepSums(_model, Tally));
        Keep(_stashed[depth]);
    }

    private void Keep(StepSums sums)
    {
        using var _ = no_grad();
        sums.Gradients.copy_(_model.Parameters.Gradients);
        sums.Buffers.copy_(_model.Buffers.Values);
        sums.Tally.copy_(Tally);
    }

    private void AddStashed(int depth, bool withGradients = true)
    {
        using var _ = no_grad();
        if (withGradients) _model.Parameters.Gradients.add_(_stashed[depth].Gradients);
        _model.Buffers.Values.add_(_stashed[depth].Buffers);
        Tally.add_(_stashed[depth].Tally);
    }
}

/// <summary>A sum over some shards, put aside. Kept from step to step: memory touched for the first time is far slower.</summary>
internal sealed class StepSums(TrainingModel model, Tensor tally) : IDisposable
{
    public Tensor Gradients { get; } = Like(model.Parameters.Gradients);

    public Tensor Buffers { get; } = Like(model.Buffers.Values);

    public Tensor Tally { get; } = Like(tally);

    public void Dispose()
    {
        Gradients.Dispose();
        Buffers.Dispose();
        Tally.Dispose();
    }

    private static Tensor Like(Tensor tensor) => empty_like(tensor).DetachFromDisposeScope();
}
