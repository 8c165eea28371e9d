namespace Volley.GpuNode.Gradients;

/// <summary>
/// The canonical order in which contributions of shards are added (DESIGN §4): one binary tree over the shard numbers, whatever
/// computes them. A range of n &gt; 1 shards is split after the largest power of two below n: 0..5 gives ((0+1)+(2+3))+4.
/// </summary>
/// <remarks>So the tree of the first k shards does not depend on how many follow, and a power of two is perfectly balanced.</remarks>
public static class ShardTree
{
    /// <returns>How many of <paramref name="count"/> shards belong to the left subtree.</returns>
    public static int LeftCount(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 2);
        return 1 << (31 - System.Numerics.BitOperations.LeadingZeroCount((uint)(count - 1)));
    }

    /// <summary>Visits leaves from left to right and adds as soon as a subtree's two halves are there.</summary>
    /// <param name="shards">S.</param>
    /// <param name="compute">Puts shard s's contribution into the accumulator, replacing what is there.</param>
    /// <param name="stash">Puts the accumulator aside at a depth, which is free.</param>
    /// <param name="addStashed">Adds what lies at a depth to the accumulator: stash + accumulator.</param>
    public static void Sum(int shards, Action<int> compute, Action<int> stash, Action<int> addStashed)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(shards, 1);
        Visit(0, shards, 0);

        void Visit(int first, int count, int depth)
        {
            if (count == 1)
            {
                compute(first);
                return;
            }
            var left = LeftCount(count);
            Visit(first, left, depth + 1);
            stash(depth);
            Visit(first + left, count - left, depth + 1);
            addStashed(depth);
        }
    }
}
