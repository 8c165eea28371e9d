using System.Numerics;
using System.Runtime.InteropServices;
using Volley.GpuNode.Gradients;

namespace Volley.GpuNode.Collectives;

/// <summary>
/// The plain reference of every transport, between threads of one process: ranks meet, each sums its chunk element by element in the
/// order of <see cref="ShardTree"/>, they meet, each copies all chunks, they meet. No SIMD, no segments, nothing shared with the fast ones.
/// A rank that is disposed counts as lost.
/// </summary>
internal sealed unsafe class MemoryCollective : Collective
{
    private readonly MemoryGroup _group;

    private MemoryCollective(MemoryGroup group, int position) : base(position, group.Shards, "memory") => _group = group;

    /// <returns>One per rank, by position; each is for a thread of its own.</returns>
    public static MemoryCollective[] CreateGroup(ShardAssignment shards)
    {
        var group = new MemoryGroup(shards);
        return [.. Enumerable.Range(0, shards.WorldSize).Select(position => new MemoryCollective(group, position))];
    }

    protected override void Execute(Operation operation)
    {
        try
        {
            var bytes = checked((int)(operation.Count * operation.ElementBytes));
            LayOut(new Laid(operation, [.. operation.Buffers.Select(buffer => new ReadOnlySpan<byte>((void*)buffer, bytes).ToArray())], []));
            for (var peer = 0; peer < WorldSize; peer++) OperationSignature.RequireEqual(operation, Position, _group.Laid[peer].Operation.Signature, peer);
            Exchange(operation, bytes);
            _group.Meet(Position);   // nobody reads any more what lies there
        }
        catch (GroupEndedException end)
        {
            throw Fail(end.SilentPeers, end.Message);
        }
    }

    protected override void OnFailure(Exception failure) => _group.Abort($"rank {Position} ended the group: {failure.Message}");

    protected override void DisposeTransport() => _group.Leave(Position);

    private void LayOut(Laid laid)
    {
        _group.Laid[Position] = laid;
        _group.Meet(Position);
    }

    private void Exchange(Operation operation, int bytes)
    {
        switch (operation.Kind)
        {
            case OperationKind.AllReduce or OperationKind.ReduceScatter:
                var sum = operation.Type == ElementType.Float32 ? Sum<float>(operation) : Sum<double>(operation);
                _group.Meet(Position);   // all have read what was laid out
                LayOut(_group.Laid[Position] with { Sum = sum });
                for (var peer = 0; peer < WorldSize; peer++)
                    if (operation.Kind == OperationKind.AllReduce || peer == Position) _group.Laid[peer].Sum.CopyTo(ChunkOf(operation, peer));
                break;
            case OperationKind.AllGather:
                for (var peer = 0; peer < WorldSize; peer++)
                {
                    var (start, length) = Chunks.Of(operation.Count, WorldSize, peer, operation.ElementBytes);
                    _group.Laid[peer].Buffers[0].AsSpan((int)start * operation.ElementBytes, (int)length * operation.ElementBytes).CopyTo(ChunkOf(operation, peer));
                }
                break;
            case OperationKind.Broadcast:
                _group.Laid[operation.Root].Buffers[0].CopyTo(new Span<byte>((void*)operation.Buffers[0], bytes));
                break;
        }
    }

    private byte[] Sum<T>(Operation operation) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var (start, length) = Chunks.Of(operation.Count, WorldSize, Position, operation.ElementBytes);
        var pieces = new Dictionary<TreePiece, byte[]>();
        for (var peer = 0; peer < WorldSize; peer++)
            foreach (var (piece, buffer) in Shards.PiecesOf(peer).Zip(_group.Laid[peer].Buffers)) pieces.Add(piece, buffer);
        var sum = new byte[length * sizeof(T)];
        var elements = MemoryMarshal.Cast<byte, T>(sum.AsSpan());
        for (var i = 0; i < elements.Length; i++)
            elements[i] = Rounded(SumOf(new TreePiece(0, Shards.Shards), (int)start + i), operation.Wire);
        return sum;

        T SumOf(TreePiece node, int element)
        {
            if (pieces.TryGetValue(node, out var piece)) return Rounded(MemoryMarshal.Cast<byte, T>(piece)[element], operation.Wire);
            var left = ShardTree.LeftCount(node.Count);
            return SumOf(new TreePiece(node.First, left), element) + SumOf(new TreePiece(node.First + left, node.Count - left), element);
        }
    }

    private static T Rounded<T>(T value, WireType wire) where T : unmanaged, IFloatingPointIeee754<T> =>
        wire == WireType.Same ? value : T.CreateTruncating(BFloat16.Decode(BFloat16.Encode(float.CreateTruncating(value))));

    private Span<byte> ChunkOf(Operation operation, int peer)
    {
        var (start, length) = Chunks.Of(operation.Count, WorldSize, peer, operation.ElementBytes);
        return new Span<byte>((byte*)operation.Buffers[0] + start * operation.ElementBytes, (int)length * operation.ElementBytes);
    }
}
