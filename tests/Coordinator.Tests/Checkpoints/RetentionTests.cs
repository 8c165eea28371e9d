using Volley.Coordinator.Checkpoints;
using Volley.Coordinator.Sweeps;
using Volley.Shared.Config;

namespace Volley.Coordinator.Tests.Checkpoints;

public sealed class RetentionTests
{
    [Theory]
    [InlineData("", 2, 1, "")]
    [InlineData("0.1", 1, 1, "")]
    [InlineData("0.1 0.2 0.3 0.4", 2, 1, "0 1")]                     // the best is among the newest
    [InlineData("0.9 0.2 0.3 0.4", 2, 1, "1")]
    [InlineData("0.9 0.9 0.3 0.4", 2, 1, "1")]                       // of equals the earlier one
    [InlineData("0.1 0.2 0.3 0.4", 1, 0, "0 1 2")]
    [InlineData("0.1 0.2 0.3 0.4", 0, 0, "0 1 2")]                   // never the newest
    [InlineData("- NaN 0.3 -", 1, 1, "0 1")]                         // without a value it cannot be best
    public void TheNewestAndTheBestAreKept(string values, int keepLast, int keepBest, string retired) =>
        Assert.Equal(retired, Retired(values, keepLast, keepBest, "maximize"));

    [Fact]
    public void TheGoalSaysWhatIsBest() => Assert.Equal("0 2", Retired("0.9 0.2 0.3 0.4", 1, 1, "minimize"));

    private static string Retired(string values, int keepLast, int keepBest, string goal)
    {
        var checkpoints = values.Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select((value, index) => new CommittedCheckpoint(1, index, index, $"{index}", "", value == "-" ? null : double.Parse(value), 1)).ToList();
        var retired = Retention.ToRetire(checkpoints, new CheckpointSpec { KeepLast = keepLast, KeepBest = keepBest }, new ObjectiveSpec { Goal = goal });
        return string.Join(' ', retired.Select(checkpoint => checkpoint.RelativePath));
    }
}
