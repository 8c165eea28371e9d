using Volley.GpuNode.Training.Groups;

namespace Volley.GpuNode.Tests.Training.Groups;

public sealed class StragglerWatchTests
{
    [Fact]
    public void ARankThatIsSlowForTwentySteps_IsFoundOnce()
    {
        var watch = new StragglerWatch([0, 2, 3]);
        for (var step = 1; step < StragglerWatch.WarnAfterSteps; step++) Assert.Empty(watch.Add([0.1, 0.1, 0.2]));
        Assert.Equal([2], watch.Add([0.1, 0.1, 0.2]));
        Assert.Empty(watch.Add([0.1, 0.1, 0.2]));
        Assert.Equal([(0, 1.0), (2, 1.0), (3, 2.0)], watch.Paces.Select(pace => (pace.Rank, Math.Round(pace.StragglerScore, 9))));
    }

    [Fact]
    public void OneGoodStep_BeginsTheCountAgain()
    {
        var watch = new StragglerWatch([0, 1]);
        for (var step = 0; step < 3 * StragglerWatch.WarnAfterSteps; step++)
            Assert.Empty(watch.Add([0.1, step % StragglerWatch.WarnAfterSteps == 0 ? 0.1 : 0.2]));
    }

    [Fact]
    public void StepsThatOneRankHasNotMade_DoNotCount()
    {
        var watch = new StragglerWatch([0, 1]);
        for (var step = 0; step < 3 * StragglerWatch.WarnAfterSteps; step++) Assert.Empty(watch.Add([0.1, 0]));
        Assert.Empty(watch.Paces);
    }
}
