using System.Collections.Immutable;
using Volley.GpuNode.Gradients;

namespace Volley.GpuNode.Collectives;

/// <summary>A whole subtree of the canonical tree over the shards: what one rank can add up by itself without changing a bit of the sum.</summary>
public readonly record struct TreePiece(int First, int Count)
{
    public int End => First + Count;
}

/// <summary>Which rank runs which shards: contiguous ranges in the order of positions, as even as possible, so that few pieces travel.</summary>
/// <param name="Shards">S ≥ number of ranks.</param>
public sealed record ShardAssignment(int Shards, ImmutableArray<TreePiece> ByPosition)
{
    public int WorldSize => ByPosition.Length;

    /// <exception cref="ArgumentOutOfRangeException">More ranks than shards, or none.</exception>
    public static ShardAssignment Even(int shards, int worldSize)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(worldSize, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(worldSize, shards);
        return new ShardAssignment(shards, [.. Enumerable.Range(0, worldSize).Select(p =>
        {
            var first = (int)((long)shards * p / worldSize);
            return new TreePiece(first, (int)((long)shards * (p + 1) / worldSize) - first);
        })]);
    }

    /// <summary>The largest whole subtrees of <see cref="ShardTree"/> that cover the shards of a rank, left to right.</summary>
    public ImmutableArray<TreePiece> PiecesOf(int position)
    {
        var pieces = ImmutableArray.CreateBuilder<TreePiece>();
        Cover(new TreePiece(0, Shards), ByPosition[position], pieces);
        return pieces.ToImmutable();
    }

    /// <summary>All pieces of all ranks, left to right: the leaves of the sum that the collective makes.</summary>
    public ImmutableArray<(int Position, TreePiece Piece)> AllPieces() =>
        [.. Enumerable.Range(0, WorldSize).SelectMany(p => PiecesOf(p).Select(piece => (p, piece)))];

    private static void Cover(TreePiece subtree, TreePiece own, ImmutableArray<TreePiece>.Builder pieces)
    {
        if (subtree.First >= own.End || own.First >= subtree.End) return;
        if (own.First <= subtree.First && subtree.End <= own.End)
        {
            pieces.Add(subtree);
            return;
        }
        var left = ShardTree.LeftCount(subtree.Count);
        Cover(new TreePiece(subtree.First, left), own, pieces);
        Cover(new TreePiece(subtree.First + left, subtree.Count - left), own, pieces);
    }
}
