using Volley.GpuNode.Gradients;

namespace Volley.GpuNode.Collectives.Benchmarks;

/// <summary>
/// A rank's pieces of a float32 sum whose result every rank can compute by itself: compared bit for bit with the plain sum in tree order.
/// </summary>
internal sealed unsafe class ExchangeCheck : IDisposable
{
    private static readonly OperationName CheckName = new("check");
    private static readonly OperationName BenchName = new("bench");

    private readonly ICollective _group;
    private readonly long _count;
    private readonly WireType _wire;
    private readonly AlignedMemory[] _buffers;
    private readonly nint[] _addresses;

    public ExchangeCheck(ICollective group, long count, WireType wire)
    {
        (_group, _count, _wire) = (group, count, wire);
        _buffers = [.. group.Shards.PiecesOf(group.Position).Select(_ => new AlignedMemory(count * sizeof(float)))];
        _addresses = [.. _buffers.Select(buffer => buffer.Address)];
    }

    public void Reduce() => _group.AllReduce(_addresses, _count, ElementType.Float32, _wire, BenchName).Wait();

    /// <summary>Zeros stay zeros however often they are added.</summary>
    public void Clear()
    {
        foreach (var buffer in _buffers) buffer.As<byte>().Clear();
    }

    /// <returns>Whether the sum of known values was right on every rank.</returns>
    public bool IsRight()
    {
        var pieces = _group.Shards.PiecesOf(_group.Position);
        for (var piece = 0; piece < pieces.Length; piece++)
            for (var i = 0L; i < _count; i++) ((float*)_addresses[piece])[i] = Value(pieces[piece], i);
        Reduce();
        var wrong = 0L;
        var leaves = _group.Shards.AllPieces().Select(at => at.Piece).ToHashSet();
        for (var i = 0L; i < _count; i++)
        {
            var expected = Rounded(SumOf(new TreePiece(0, _group.Shards.Shards), i));
            if (BitConverter.SingleToInt32Bits(((float*)_addresses[0])[i]) != BitConverter.SingleToInt32Bits(expected)) wrong++;
        }
        return CountOnAllRanks(wrong, pieces.Length) == 0;

        float SumOf(TreePiece node, long i)
        {
            if (leaves.Contains(node)) return Rounded(Value(node, i));
            var left = ShardTree.LeftCount(node.Count);
            return SumOf(new TreePiece(node.First, left), i) + SumOf(new TreePiece(node.First + left, node.Count - left), i);
        }
    }

    public void Dispose()
    {
        foreach (var buffer in _buffers) buffer.Dispose();
    }

    private double CountOnAllRanks(long wrong, int pieces)
    {
        var counts = Enumerable.Range(0, pieces).Select(_ => new AlignedMemory(sizeof(double))).ToArray();
        counts[0].As<double>()[0] = wrong;
        _group.AllReduce([.. counts.Select(count => count.Address)], 1, ElementType.Float64, WireType.Same, CheckName).Wait();
        var sum = counts[0].As<double>()[0];
        foreach (var count in counts) count.Dispose();
        return sum;
    }

    private float Rounded(float value) => _wire == WireType.Same ? value : BFloat16.Decode(BFloat16.Encode(value));

    // SplitMix64's finalizer: cheap enough for a hundred megabytes, and of many magnitudes, so that another order gives other bits.
    private static float Value(TreePiece piece, long element)
    {
        var z = (ulong)element * 0x9E3779B97F4A7C15 + (ulong)piece.First * 0xD1B54A32D192ED03;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z ^= z >> 27;
        var scale = BitConverter.UInt32BitsToSingle((uint)(119 + (z >> 60)) << 23);   // 2⁻⁸ … 2⁷
        return ((int)(z & 0xFFFFFF) - 0x800000) * scale;
    }
}
