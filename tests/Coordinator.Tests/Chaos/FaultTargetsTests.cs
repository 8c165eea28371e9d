using Volley.Coordinator.Chaos.Faults;

namespace Volley.Coordinator.Tests.Chaos;

public sealed class FaultTargetsTests
{
    private static readonly TrialPicture OnA = new(4, 2, 30, 1, [new RankPicture(0, "a", 104)], ["9.a1", "18.a1", "27.a2"]);
    private static readonly TrialPicture OnB = new(5, 1, 3, 1, [new RankPicture(0, "b", 105)], ["9.a1"]);

    private static readonly ClusterPicture Now = new(
        true, [new("a", true, true), new("b", true, true), new("c", true, true)], [OnA, OnB], [], false);

    [Fact]
    public void ARank_IsChosenAmongThoseThatRun()
    {
        var chosen = Enumerable.Range(0, 20).Select(draw => Choose(FaultKind.RankKill, Now, (ulong)draw)!.Pid!.Value).Distinct().Order();
        Assert.Equal([104, 105], chosen);
    }

    [Fact]
    public void AnAgentThatRunsNothing_IsLeftAlone() =>
        Assert.Equal(["a", "b"], Enumerable.Range(0, 20).Select(draw => Choose(FaultKind.AgentKill, Now, (ulong)draw)!.Node!).Distinct().Order());

    [Fact]
    public void WhatAFaultHoldsAlready_IsLeftAlone()
    {
        var held = Now with { Disturbed = ["a", ClusterPicture.Coordinator] };
        Assert.All(Enumerable.Range(0, 20), draw => Assert.Equal("b", Choose(FaultKind.NodePause, held, (ulong)draw)!.Node));
        Assert.Null(Choose(FaultKind.CoordinatorKill, held));
        Assert.Null(Choose(FaultKind.DiskFull, Now with { IsDiskFull = true }));
    }

    [Fact]
    public void ACheckpoint_IsDamagedOnlyWhereAnotherIsLeft()
    {
        Assert.All(Enumerable.Range(0, 20), draw =>
        {
            var target = Choose(FaultKind.CheckpointCorrupt, Now, (ulong)draw)!;
            Assert.Equal((4, "27.a2"), (target.Trial!.Value, target.Checkpoint));
        });
        Assert.Null(Choose(FaultKind.CheckpointTruncate, Now with { Trials = [OnB] }));
    }

    [Fact]
    public void ATrialThatLostTooMuchInARow_IsGivenTimeForACheckpoint() =>
        Assert.All(Enumerable.Range(0, 20), draw =>
            Assert.Equal(105, Choose(FaultKind.RankKill, Now with { Trials = [OnA with { AttemptsSinceCheckpoint = 6 }, OnB] }, (ulong)draw)!.Pid));

    [Theory]
    [InlineData("rank-kill")]
    [InlineData("agent-term")]
    [InlineData("coordinator-kill")]
    [InlineData("link-cut")]
    [InlineData("disk-full")]
    public void NothingIsStruck_WhileNothingRuns_OrTheCoordinatorIsAway(string name)
    {
        var kind = Assert.Single(FaultKinds.Parse(name));
        Assert.Null(Choose(kind, Now with { Trials = [] }));
        Assert.Null(Choose(kind, Now with { IsAnswering = false }));
    }

    [Fact]
    public void ALink_IsANodesOrTheCoordinators()
    {
        var nodes = Enumerable.Range(0, 40).Select(draw => Choose(FaultKind.LinkCut, Now, (ulong)draw)!.Node!).ToList();
        Assert.Equal(["a", "b", ClusterPicture.Coordinator], nodes.Distinct().Order(StringComparer.Ordinal));
        Assert.True(nodes.Count(node => node == ClusterPicture.Coordinator) == 10);
    }

    private static FaultTarget? Choose(FaultKind kind, ClusterPicture now, ulong draw = 0) => FaultTargets.Choose(new PlannedFault(1, kind, 0.5, TimeSpan.Zero, draw), now);
}
