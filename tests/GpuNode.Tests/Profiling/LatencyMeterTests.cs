using Volley.GpuNode.Profiling;
using Volley.Models;
using Volley.Shared.Config;

namespace Volley.GpuNode.Tests.Profiling;

public sealed class LatencyMeterTests
{
    private static readonly ModelInput Tiny = new(1, 8, 8, 2);

    [Fact]
    public void Measure_ReportsTheClockAndThroughputOfTheBatch()
    {
        using var model = ModelRegistry.Create(new ResNetSpec { Name = "resnet18", Width = 1 }, Tiny, seed: 1);
        var figures = LatencyMeter.Measure(model, Tiny, batch: 8, TimeSpan.FromSeconds(2), new TickingClock(TimeSpan.FromMilliseconds(10)));
        Assert.Equal(10, figures.LatencyMsP50, 1e-9);
        Assert.Equal(10, figures.BatchLatencyMsP95, 1e-9);
        Assert.Equal(800, figures.ImagesPerSecond, 1e-6);
    }

    [Fact]
    public void Measure_StopsWhenTheBudgetIsSpent()
    {
        using var model = ModelRegistry.Create(new ResNetSpec { Name = "resnet18", Width = 1 }, Tiny, seed: 1);
        var clock = new TickingClock(TimeSpan.FromSeconds(1));   // each look at the clock takes longer than the budget
        LatencyMeter.Measure(model, Tiny, batch: 2, TimeSpan.FromSeconds(1), clock);
        Assert.Equal(8, clock.Looks);   // for each batch: start, before, after, out of budget
    }

    [Fact]
    public void Measure_PutsTheModeBack()
    {
        using var model = ModelRegistry.Create(new ResNetSpec { Name = "resnet18", Width = 1 }, Tiny, seed: 1);
        model.train();
        LatencyMeter.Measure(model, Tiny, batch: 2, TimeSpan.FromMilliseconds(1));
        Assert.True(model.training);
    }

    [Theory]
    [InlineData(0.5, 3)]
    [InlineData(0.95, 5)]
    [InlineData(0.2, 1)]
    [InlineData(0.21, 2)]
    public void Percentile_IsTheNearestRank(double p, double expected) =>
        Assert.Equal(expected, LatencyMeter.Percentile([5, 1, 4, 2, 3], p));

    /// <summary>Moves on by a fixed step whenever it is looked at.</summary>
    private sealed class TickingClock(TimeSpan step) : TimeProvider
    {
        public int Looks { get; private set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => step.Ticks * Looks++;
    }
}
