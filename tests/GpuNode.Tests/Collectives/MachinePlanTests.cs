using Volley.GpuNode.Collectives;
using Volley.GpuNode.Collectives.Hierarchical;

namespace Volley.GpuNode.Tests.Collectives;

public sealed class MachinePlanTests
{
    [Theory]
    // Two machines of two: each adds its half.
    [InlineData(4, "aabb", "0-1@0,1 2-3@2,3", "0 2")]
    // Of six shards, 2..5 hold two subtrees: 2-3 and 4-5.
    [InlineData(6, "aabbbb", "0-1@0,1 2-3@2,3 4-5@4,5", "0 2 4")]
    // A machine that comes twice is two runs.
    [InlineData(4, "abab", "0@0 1@1 2@2 3@3", "0 1 2 3")]
    [InlineData(4, "abba", "0@0 1@1 2@2 3@3", "0 1 2 3")]
    // Seven shards on three ranks (0-1, 2-3, 4-6): all of 0-3 is on one machine.
    [InlineData(7, "aab", "0-3@0,1 4-6@2", "0 2")]
    // (0-1, 2-3, 4-6): on the second machine 2-3 and 4-6 stay apart; 4-6 is whole.
    [InlineData(7, "abb", "0-1@0 2-3@1 4-6@2", "0 1 2")]
    // Eleven on three (0-2, 3-6, 7-10): 3 travels alone, 4-7 is shared, 8-10 is the last rank's.
    [InlineData(11, "abb", "0-1@0 2@0 3@1 4-7@1,2 8-10@2", "0 1 2")]
    [InlineData(4, "aaaa", "0-3@0,1,2,3", "0")]
    public void Of_TakesTheLargestSubtreesOfEachRun(int shards, string machines, string sums, string leaders)
    {
        var plan = MachinePlan.Of(ShardAssignment.Even(shards, machines.Length), [.. machines.Select(machine => $"{machine}")]);
        Assert.Equal(sums, string.Join(' ', plan.Sums.Select(sum => $"{Range(sum.Subtree)}@{string.Join(',', sum.Positions)}")));
        Assert.Equal(leaders, string.Join(' ', plan.Leaders));
    }

    [Fact]
    public void Of_LeavesEveryRanksPieces_AndEveryLeadersSubtrees_AsTheyAre()
    {
        for (var world = 1; world <= 6; world++)
            for (var shards = world; shards <= 2 * world + 5; shards++)
                for (var layout = 0; layout < 1 << world; layout++)
                {
                    var assignment = ShardAssignment.Even(shards, world);
                    var plan = MachinePlan.Of(assignment, [.. Enumerable.Range(0, world).Select(p => $"{(layout >> p) & 1}")]);
                    for (var position = 0; position < world; position++)
                    {
                        var own = plan.Sums.Where(sum => sum.Positions.Contains(position))
                            .SelectMany(sum => sum.Local.PiecesOf(sum.Positions.IndexOf(position)).Select(piece => piece with { First = piece.First + sum.Subtree.First }));
                        Assert.Equal(assignment.PiecesOf(position), own);
                    }
                    for (var place = 0; place < plan.Leaders.Length; place++)
                        Assert.Equal(plan.Sums.Where(sum => sum.Leader == plan.Leaders[place]).Select(sum => sum.Subtree), plan.Between.PiecesOf(place));
                }
    }

    private static string Range(TreePiece piece) => piece.Count == 1 ? $"{piece.First}" : $"{piece.First}-{piece.End - 1}";
}
