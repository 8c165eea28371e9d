using System.Collections.Immutable;
using Volley.Coordinator.Chaos;
using Volley.Coordinator.Chaos.Faults;
using Volley.Shared;
using Volley.Shared.Config.Yaml;

namespace Volley.Coordinator.Tests.Chaos;

public sealed class FaultPlanTests
{
    private static readonly ImmutableArray<FaultKind> All = [.. FaultKinds.All.Select(info => info.Kind)];
    private static readonly TimeSpan Detector = TimeSpan.FromSeconds(7);

    [Fact]
    public void TheSameSeed_IsTheSamePlan_AndAnotherSeedAnother()
    {
        Assert.Equal(FaultPlan.Of(7, 50, All, Detector), FaultPlan.Of(7, 50, All, Detector));
        Assert.NotEqual(FaultPlan.Of(7, 50, All, Detector), FaultPlan.Of(8, 50, All, Detector));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(13)]
    [InlineData(200)]
    public void APlan_HasAsManyFaultsAsAskedFor_InOrder_WithinTheSweep(int faults)
    {
        var plan = FaultPlan.Of(3, faults, All, Detector);
        Assert.Equal(Enumerable.Range(1, faults), plan.Select(fault => fault.Number));
        Assert.Equal(plan.Select(fault => fault.At).Order(), plan.Select(fault => fault.At));
        Assert.All(plan, fault => Assert.InRange(fault.At, 0.01, 0.95));
    }

    [Fact]
    public void EachKind_ComesAtLeastOnce_WhereThereAreEnoughFaults_AndOftenerTheMoreItWeighs()
    {
        Assert.Equal(All.Length, FaultPlan.Of(1, All.Length, All, Detector).Select(fault => fault.Kind).Distinct().Count());
        var counts = FaultPlan.Of(1, 400, All, Detector).CountBy(fault => fault.Kind).ToDictionary();
        Assert.True(counts[FaultKind.RankKill] > counts[FaultKind.AgentKill] && counts[FaultKind.AgentKill] > counts[FaultKind.DiskFull], string.Join(", ", counts));
    }

    [Fact]
    public void OnlyTheKindsThatWereAskedFor_Come() =>
        Assert.All(FaultPlan.Of(1, 30, [FaultKind.LinkCut, FaultKind.AgentTerm], Detector), fault => Assert.True(fault.Kind is FaultKind.LinkCut or FaultKind.AgentTerm));

    [Fact]
    public void PausesAndCuts_MostlyOutlastTheDetector_AndKillsAreNotHeld()
    {
        var held = FaultPlan.Of(5, 400, [FaultKind.AgentPause, FaultKind.LinkCut], Detector);
        Assert.InRange(held.Count(fault => fault.Hold > Detector), 280, 360);
        Assert.All(FaultPlan.Of(5, 40, [FaultKind.RankKill, FaultKind.CheckpointCorrupt], Detector), fault => Assert.Equal(TimeSpan.Zero, fault.Hold));
        var ranks = FaultPlan.Of(5, 200, [FaultKind.RankPause], Detector);
        Assert.Contains(ranks, fault => fault.Hold > TimeSpan.FromSeconds(30));
        Assert.Contains(ranks, fault => fault.Hold < TimeSpan.FromSeconds(6));
    }

    [Fact]
    public void UnknownKinds_AreRefused_WithTheKnownOnes()
    {
        var error = Assert.Throws<UserErrorException>(() => FaultKinds.Parse("rank-kill,meteor"));
        Assert.Contains("\"meteor\"", error.Message, StringComparison.Ordinal);
        Assert.Contains("checkpoint-truncate", error.Message, StringComparison.Ordinal);
        Assert.Throws<UserErrorException>(() => FaultKinds.Parse(" , "));
        Assert.Equal([FaultKind.RankKill, FaultKind.LinkCut], FaultKinds.Parse("link-cut, rank-kill"));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(200)]
    public void TheSweep_IsAValidFile_WithTheFourModels_AndGrowsWithTheFaults(int faults)
    {
        var sweep = SweepFile.Parse(ChaosSweep.Yaml(3, faults, 9, "node"), "chaos.yaml");
        Assert.Equal(9ul, sweep.Seed);
        Assert.Equal(3, sweep.Resources.MaxConcurrent);
        var trials = Coordinator.Search.Searches.CreateChecked(sweep).Trials;
        Assert.Equal(0, trials % 4);
        Assert.InRange(trials, Math.Max(4, faults / 8), Math.Max(4, faults));
    }
}
