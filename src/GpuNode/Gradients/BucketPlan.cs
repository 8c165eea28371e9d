using System.Collections.Immutable;
using Volley.GpuNode.Training.Optimizers;

namespace Volley.GpuNode.Gradients;

/// <summary>Gradients that are reduced together: whole slots of the flat buffer, one after the other. Start and length in elements.</summary>
public sealed record GradientBucket(int Number, int FirstSlot, int EndSlot, long Start, long Length)
{
    public long End => Start + Length;
}

/// <summary>
/// How the flat gradient buffer is divided into buckets. Slots lie in reverse order of use, so backward finishes the first bucket first,
/// and a bucket leaves while backward goes on.
/// </summary>
public sealed class BucketPlan
{
    /// <summary>
    /// Large enough that a bucket's latency does not show beside its transfer, small enough that the first one leaves early and the last
    /// one, which nothing hides, is short.
    /// </summary>
    public const long BucketBytes = 2 << 20;

    private BucketPlan(FlatLayout layout, ImmutableArray<GradientBucket> buckets) => (Layout, Buckets) = (layout, buckets);

    public FlatLayout Layout { get; }

    public ImmutableArray<GradientBucket> Buckets { get; }

    /// <param name="layout">Of the gradients.</param>
    /// <param name="elementBytes">Bytes of one element.</param>
    /// <param name="bucketBytes">A bucket is closed when another slot would make it larger; a larger slot is a bucket of its own.</param>
    public static BucketPlan Of(FlatLayout layout, int elementBytes, long bucketBytes = BucketBytes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bucketBytes, 1);
        var buckets = ImmutableArray.CreateBuilder<GradientBucket>();
        var (first, slots) = (0, layout.Slots);
        for (var next = 1; next <= slots.Length; next++)
        {
            if (next < slots.Length && (End(slots[next]) - slots[first].Offset) * elementBytes <= bucketBytes) continue;
            buckets.Add(new GradientBucket(buckets.Count, first, next, slots[first].Offset, End(slots[next - 1]) - slots[first].Offset));
            first = next;
        }
        return new BucketPlan(layout, buckets.ToImmutable());
    }

    private static long End(FlatSlot slot) => slot.Offset + slot.PaddedCount;
}
