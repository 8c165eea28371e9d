using Volley.GpuNode.Gradients;

namespace Volley.GpuNode.Tests.Gradients;

public sealed class ShardTreeTests
{
    [Theory]
    [InlineData(1, "0")]
    [InlineData(2, "(0+1)")]
    [InlineData(3, "((0+1)+2)")]
    [InlineData(4, "((0+1)+(2+3))")]
    [InlineData(5, "(((0+1)+(2+3))+4)")]
    [InlineData(6, "(((0+1)+(2+3))+(4+5))")]
    [InlineData(7, "(((0+1)+(2+3))+((4+5)+6))")]
    [InlineData(8, "(((0+1)+(2+3))+((4+5)+(6+7)))")]
    public void Sum_FollowsTheCanonicalTree(int shards, string expected)
    {
        var accumulator = "";
        var stashed = new Dictionary<int, string>();
        ShardTree.Sum(shards, shard => accumulator = $"{shard}", depth => stashed.Add(depth, accumulator), depth =>
        {
            stashed.Remove(depth, out var left);
            accumulator = $"({left}+{accumulator})";
        });
        Assert.Equal(expected, accumulator);
        Assert.Empty(stashed);
    }
}
