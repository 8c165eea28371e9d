using Volley.Coordinator.Http;
using Volley.Coordinator.Watch;
using Volley.Coordinator.Placement;
using Volley.Coordinator.Tests.Sweeps;
using Volley.Shared.Messages;

namespace Volley.Coordinator.Tests.Watch;

public sealed class SweepWatchTests
{
    private readonly TestSweep _sweep = new TestSweep(2).Begun();
    private readonly SweepWatch _watch = new();

    [Fact]
    public void EachThingThatHappens_IsOneLine()
    {
        Assert.Empty(Look());
        _sweep.Grant(0, 1, TestSweep.NodeA);
        Assert.Contains("attempt 1 starts on a", Assert.Single(Look()), StringComparison.Ordinal);
        _sweep.Report(new RankStarted(TestSweep.Trial(0), 1, 0, TestSweep.NodeA, 7));
        Assert.Empty(Look());
        _sweep.ReportEpoch(0, 1, 1);
        _sweep.ReportEpoch(0, 1, 2);
        Assert.Equal(2, Look().Count);
        Assert.Empty(Look());
        _sweep.Exit(0, 1, RankEnd.Failed, "Loss is NaN");
        Assert.Contains("Loss is NaN", Assert.Single(Look()), StringComparison.Ordinal);
        _sweep.Grant(0, 2, TestSweep.NodeA);
        _sweep.Exit(0, 2, RankEnd.Finished);
        Assert.Contains(Look(), line => line.Contains("finished", StringComparison.Ordinal));
    }

    [Fact]
    public void WhatHappenedBeforeTheFirstLook_IsNotTold()
    {
        _sweep.Grant(0, 1, TestSweep.NodeA);
        _sweep.ReportEpoch(0, 1, 1);
        _sweep.Exit(0, 1, RankEnd.Finished);
        _sweep.Grant(1, 1, TestSweep.NodeA);
        Assert.Collection(Look(),
            line => Assert.Contains("1 of 2 trials are finished", line, StringComparison.Ordinal),
            line => Assert.Contains("trial 1", line, StringComparison.Ordinal));
    }

    [Fact]
    public void OnlyWhatChanged_IsAskedFor()
    {
        Look();
        _sweep.Grant(0, 1, TestSweep.NodeA);
        var view = SweepViewFactory.Of(_sweep.State, _watch.Version, 100, Inventory.Empty, _sweep.Now);
        Assert.Equal([0, 1], view.Changed!.Select(trial => trial.Number));       // 1 was made because 0 runs
        Look();
        _sweep.ReportEpoch(0, 1, 1);
        Assert.Equal(0, Assert.Single(SweepViewFactory.Of(_sweep.State, _watch.Version, 100, Inventory.Empty, _sweep.Now).Changed!).Number);
    }

    private IReadOnlyList<string> Look() => _watch.Take(SweepViewFactory.Of(_sweep.State, _watch.Version, 100, Inventory.Empty, _sweep.Now));
}
