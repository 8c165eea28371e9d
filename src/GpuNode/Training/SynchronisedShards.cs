using System.Collections.Immutable;
using Volley.GpuNode.Collectives;
using Volley.GpuNode.Gradients;
using Volley.GpuNode.Training.Optimizers;
using Volley.Models;
using static TorchSharp.torch;

namespace Volley.GpuNode.Training;

/// <summary>
/// What <see cref="ShardAccumulator"/> does, for norms whose statistics are those of the whole global batch: the rank's shards go through the
/// network together, layer by layer, each with gradients of its own, and every norm's sums are made over all shards in the canonical tree.
/// </summary>
/// <remarks>
/// Running statistics are then the same for every shard: the first shard of each rank keeps them, nothing is exchanged. Gradients leave after
/// backward: norms exchange during it, and would wait behind buckets.
/// </remarks>
internal sealed class SynchronisedShards : IDisposable
{
    private readonly TrainingModel _model;
    private readonly int _shards;
    private readonly List<GradientSet> _sets = [];     // of all local shards but the first, which has the model's own
    private readonly List<Tensor> _tallies = [];
    private readonly List<AlignedMemory> _channels = [];
    private readonly Tensor _buffersBefore;
    private readonly Tensor _countersBefore;
    private ICollective? _group;
    private StepExchange? _exchange;

    public SynchronisedShards(TrainingModel model, int shards)
    {
        (_model, _shards) = (model, shards);
        if (model.Device.type != TorchSharp.DeviceType.CPU)
            throw new Shared.Config.ConfigException("train.sync_batch_norm", "is true, which works on CPUs only so far; set it to false, or device: cpu.");
        Tally = zeros(2, dtype: ScalarType.Float64).DetachFromDisposeScope();
        _buffersBefore = empty_like(model.Buffers.Values).DetachFromDisposeScope();
        _countersBefore = empty_like(model.Counters.Values).DetachFromDisposeScope();
    }

    public Tensor Tally { get; }

    public void Use(ICollective? group, StepExchange? exchange) => (_group, _exchange) = (group, exchange);

    /// <param name="compute">Adds a local shard's part (from 0) to gradients and to the tally it is given.</param>
    public void Run(long step, Action<int, Tensor, ShardNormSums> compute)
    {
        var own = _exchange?.Own ?? new TreePiece(0, _shards);
        ImmutableArray<TreePiece> pieces = _exchange?.Pieces ?? [own];
        Prepare(own.Count);
        try
        {
            LockstepShards.Run(own.Count, local => _model.Parameters.WriteInto(SetOf(local)), (local, sum) =>
            {
                var sums = new ShardNormSums(sum, updatesStatistics: local == 0);
                NormSynchronisation.Current = sums;
                try
                {
                    compute(local, _tallies[local], sums);
                }
                finally
                {
                    NormSynchronisation.Current = null;
                }
            }, numbers => SumOverAll(step, own, pieces, numbers));
            _model.Parameters.WriteInto(null);
            using var _ = no_grad();
            Tensor[] gradients = [.. pieces.Select(piece => Total(piece, shard => GradientsOf(shard - own.First)))];
            Tensor[] tallies = [.. pieces.Select(piece => Total(piece, shard => _tallies[shard - own.First]))];
            if (_exchange is not null)
            {
                _exchange.Start(step, gradients, []);
                _exchange.Finish([], tallies);
            }
            Tally.copy_(tallies[^1]);
        }
        catch (Exception failure)
        {
            _exchange?.Abandon(failure);
            _model.Parameters.WriteInto(null);
            using var _ = no_grad();
            _model.Buffers.Values.copy_(_buffersBefore);
            _model.Counters.Values.copy_(_countersBefore);
            throw;
        }
    }

    public void Dispose()
    {
        Tally.Dispose();
        _buffersBefore.Dispose();
        _countersBefore.Dispose();
        foreach (var set in _sets) set.Dispose();
        foreach (var tally in _tallies) tally.Dispose();
        foreach (var channel in _channels) channel.Dispose();
    }

    private void Prepare(int shards)
    {
        using var _ = no_grad();
        _buffersBefore.copy_(_model.Buffers.Values);
        _countersBefore.copy_(_model.Counters.Values);
        while (_sets.Count < shards - 1) _sets.Add(_model.Parameters.NewGradients());
        while (_tallies.Count < shards) _tallies.Add(zeros_like(Tally).DetachFromDisposeScope());
        for (var shard = 0; shard < shards; shard++)
        {
            _model.Parameters.WriteInto(SetOf(shard));
            _model.Parameters.ZeroGradients();
            _tallies[shard].fill_(0);
        }
    }

    private GradientSet? SetOf(int local) => local == 0 ? null : _sets[local - 1];

    private Tensor GradientsOf(int local) => local == 0 ? _model.Parameters.Gradients : _sets[local - 1].Full.Values;

    /// <summary>The sum of a subtree, in the place of its first shard.</summary>
    private static Tensor Total(TreePiece piece, Func<int, Tensor> of)
    {
        if (piece.Count == 1) return of(piece.First);
        var left = ShardTree.LeftCount(piece.Count);
        return Total(new TreePiece(piece.First, left), of).add_(Total(new TreePiece(piece.First + left, piece.Count - left), of));
    }

    private double[] SumOverAll(long step, TreePiece own, ImmutableArray<TreePiece> pieces, double[][] numbers)
    {
        double[][] sums = [.. pieces.Select(piece => Sum(piece, shard => numbers[shard - own.First]))];
        if (_group is null) return sums[0];
        var count = sums[0].Length;
        for (var p = 0; p < sums.Length; p++)
        {
            if (_channels.Count == p) _channels.Add(new AlignedMemory(Math.Max(4096, count) * sizeof(double)));
            if (_channels[p].Bytes < count * sizeof(double))
            {
                _channels[p].Dispose();
                _channels[p] = new AlignedMemory(count * sizeof(double));
            }
            sums[p].CopyTo(_channels[p].As<double>());
        }
        _group.AllReduce([.. _channels.Take(sums.Length).Select(channel => channel.Address)], count, ElementType.Float64, WireType.Same, new OperationName("batch norm", step)).Wait();
        return _channels[0].As<double>()[..count].ToArray();
    }

    private static double[] Sum(TreePiece piece, Func<int, double[]> of)
    {
        if (piece.Count == 1) return of(piece.First);
        var left = ShardTree.LeftCount(piece.Count);
        var (first, second) = (Sum(new TreePiece(piece.First, left), of), Sum(new TreePiece(piece.First + left, piece.Count - left), of));
        return [.. first.Zip(second, (a, b) => a + b)];
    }
}

/// <summary>One shard's access to the sums over all.</summary>
internal sealed class ShardNormSums(Func<double[], double[]> sum, bool updatesStatistics) : INormSums
{
    public bool IsBlank { get; set; }

    public bool UpdatesStatistics => updatesStatistics;

    public double[] Sum(double[] own) => sum(own);
}
