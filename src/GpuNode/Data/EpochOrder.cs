using Volley.Shared.Determinism;

namespace Volley.GpuNode.Data;

/// <summary>Which images make up each step of an epoch, and which part of a step each shard computes.</summary>
/// <remarks>
/// An epoch is a permutation drawn from (seed, epoch); step k is its k-th slice of the global batch size; shard s is a contiguous part
/// of that slice. So any rank can compute any shard of any step without having seen the steps before it (DESIGN §4).
/// </remarks>
internal sealed class EpochOrder(int[] images, int globalBatchSize, bool dropLast, ulong seed)
{
    public int StepsPerEpoch { get; } = dropLast ? images.Length / globalBatchSize : (images.Length + globalBatchSize - 1) / globalBatchSize;

    /// <returns>Image numbers of the whole epoch in order.</returns>
    public int[] Permutation(int epoch)
    {
        var order = (int[])images.Clone();
        KeyedRandom.For(seed, "shuffle", epoch).Shuffle<int>(order);
        return order;
    }

    /// <summary>First position in the epoch and number of images of a step.</summary>
    public (int First, int Count) Step(int step)
    {
        if ((uint)step >= (uint)StepsPerEpoch)
            throw new ArgumentOutOfRangeException(nameof(step), step, $"An epoch has {StepsPerEpoch} steps.");
        var first = step * globalBatchSize;
        return (first, Math.Min(globalBatchSize, images.Length - first));
    }

    /// <summary>A shard's part of a step: contiguous, in the order of the shards; the first ones take what does not divide evenly.</summary>
    /// <returns>First position inside the step and number of images; 0 images if there are fewer than shards.</returns>
    public static (int First, int Count) ShardPart(int stepCount, int shard, int shards)
    {
        if ((uint)shard >= (uint)shards) throw new ArgumentOutOfRangeException(nameof(shard), shard, $"There are {shards} shards.");
        int each = stepCount / shards, larger = stepCount % shards;
        return (shard * each + Math.Min(shard, larger), each + (shard < larger ? 1 : 0));
    }
}
