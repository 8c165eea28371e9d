using Volley.GpuNode.Collectives;
using Volley.GpuNode.Gradients;
using Volley.GpuNode.Training.Optimizers;

namespace Volley.GpuNode.Tests.Gradients;

public sealed class BucketPlanTests
{
    private static readonly FlatLayout Layout = FlatLayout.Of([("head", [10, 3]), ("norm", [5]), ("large", [1000]), ("stem", [16])], elementBytes: 4);

    [Theory]
    [InlineData(1, new[] { 1, 1, 1, 1 })]
    [InlineData(192, new[] { 2, 1, 1 })]      // 32 + 16 elements
    [InlineData(191, new[] { 1, 1, 1, 1 })]
    [InlineData(1 << 20, new[] { 4 })]
    public void Buckets_AreWholeSlots_InOrder_AndCoverEverything(long bucketBytes, int[] slots)
    {
        var plan = BucketPlan.Of(Layout, 4, bucketBytes);
        Assert.Equal(slots, plan.Buckets.Select(bucket => bucket.EndSlot - bucket.FirstSlot));
        Assert.Equal(0, plan.Buckets[0].Start);
        Assert.Equal(Layout.Length, plan.Buckets[^1].End);
        Assert.All(plan.Buckets.Skip(1).Zip(plan.Buckets), pair => Assert.Equal(pair.Second.End, pair.First.Start));
        Assert.All(plan.Buckets, bucket => Assert.Equal(0, bucket.Start * 4 % FlatLayout.AlignmentBytes));
    }

    [Fact]
    public void TheHash_ChangesWithEverythingThatRanksMustAgreeOn()
    {
        var other = FlatLayout.Of([("head", [3, 10]), ("norm", [5]), ("large", [1000]), ("stem", [16])], elementBytes: 4);
        var named = FlatLayout.Of([("head", [10, 3]), ("norm2", [5]), ("large", [1000]), ("stem", [16])], elementBytes: 4);
        var plan = BucketPlan.Of(Layout, 4);
        string[] hashes =
        [
            PlanHash.Of(plan, Layout, ElementType.Float32, WireType.Same, 4),
            PlanHash.Of(plan, Layout, ElementType.Float32, WireType.Same, 5),
            PlanHash.Of(plan, Layout, ElementType.Float32, WireType.BFloat16, 4),
            PlanHash.Of(plan, Layout, ElementType.Float64, WireType.Same, 4),
            PlanHash.Of(plan, other, ElementType.Float32, WireType.Same, 4),
            PlanHash.Of(BucketPlan.Of(Layout, 4, 192), Layout, ElementType.Float32, WireType.Same, 4),
            PlanHash.Of(BucketPlan.Of(other, 4), Layout, ElementType.Float32, WireType.Same, 4),
            PlanHash.Of(BucketPlan.Of(named, 4), Layout, ElementType.Float32, WireType.Same, 4),
        ];
        Assert.Equal(hashes.Length, hashes.Distinct().Count());
        Assert.Equal(hashes[0], PlanHash.Of(BucketPlan.Of(Layout, 4), Layout, ElementType.Float32, WireType.Same, 4));
    }
}
