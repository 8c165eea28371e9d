using Volley.Shared.Checkpoints;

namespace Volley.Shared.Tests.Checkpoints;

public sealed class CheckpointRetentionTests
{
    private static readonly CheckpointManifest[] Curve =
    [
        At(10, 0.5), At(20, 0.9), At(30, 0.7), At(40, 0.9), At(45, 0.9, stepInEpoch: 5), At(50, 0.6),
    ];

    [Theory]
    [InlineData(1, 1, true, "10 30 40 45")]     // 50 newest, 20 best (40 is no better)
    [InlineData(2, 2, true, "10 30")]           // 50, 45 newest; 20, 40 best
    [InlineData(1, 1, false, "20 30 40 45")]    // 10 is the smallest
    [InlineData(0, 0, true, "10 20 30 40 45")]  // one is always kept
    [InlineData(9, 0, true, "")]
    public void Superfluous_KeepsTheNewestAndTheBest(int keepLast, int keepBest, bool maximize, string expected) =>
        Assert.Equal(expected, string.Join(' ', CheckpointRetention.Superfluous(Curve, keepLast, keepBest, maximize).Select(c => c.Step)));

    [Fact]
    public void Superfluous_TakesALaterAttemptForNewer()
    {
        CheckpointManifest[] complete = [At(100, null), At(50, null, attempt: 2)];
        Assert.Equal([100], CheckpointRetention.Superfluous(complete, 1, 1, true).Select(c => c.Step));
    }

    private static CheckpointManifest At(long step, double? value, int stepInEpoch = 0, int attempt = 1) => new(step, attempt, 1, stepInEpoch, value, []);
}
