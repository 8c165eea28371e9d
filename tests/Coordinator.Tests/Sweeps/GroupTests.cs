using Volley.Coordinator.Sweeps;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;

namespace Volley.Coordinator.Tests.Sweeps;

/// <summary>Ranks that train together: forming, losing, shrinking, growing.</summary>
public sealed class GroupTests
{
    private static readonly NodeId NodeC = new("c");

    private readonly TestSweep _sweep = new TestSweep(1, "ranks: 3, min_ranks: 2, replace_wait: 10").Begun();

    [Fact]
    public void AGroupIsFormed_WhenAllAreReady_AndAgainForOneThatDidNotHear()
    {
        Start();
        Ready(1, 0, TestSweep.NodeA);
        Ready(1, 1, TestSweep.NodeB);
        Assert.Empty(_sweep.Effects.OfType<ToGroup>());
        Ready(1, 2, NodeC);
        Assert.Equal([TestSweep.NodeA, TestSweep.NodeB, NodeC], _sweep.Effects.OfType<ToGroup>().Select(to => to.Node));
        Assert.Equal([0, 1, 2], _sweep.Effects.OfType<ToGroup>().First().Message.Members.Select(member => member.Rank));
        Ready(1, 1, TestSweep.NodeB);
        Assert.Equal(TestSweep.NodeB, Assert.Single(_sweep.Effects.OfType<ToGroup>()).Node);
        Assert.DoesNotContain(_sweep.Journal, change => change is VolatileEvent);
    }

    [Fact]
    public void ALostRank_IsReplaced_AndTheOthersGoOnWithTheirProcesses()
    {
        Start();
        Train(1, 7);
        _sweep.Exit(0, 1, RankEnd.Lost, "killed", TestSweep.NodeA, rank: 0);
        var ask = Assert.Single(_sweep.Effects.OfType<AskForSlots>());
        Assert.Equal((2, 1, (int?)null), (ask.Attempt, ask.Ranks, ask.Least));
        Assert.Equal([1, 2], ask.Keep.Select(member => member.Rank));
        Assert.Equal([(int?)0], _sweep.Sent<StopRank>().Select(stop => stop.Rank));         // only what is left of the lost one
        Assert.Equal(TrialPhase.Running, _sweep[0].Phase);

        _sweep.Do(new SlotsGranted(0, 2, [new Member(0, NodeC, 1, 1), .. ask.Keep.Select(member => member with { IsKept = true })]));
        Assert.Equal([1, 2], _sweep.Journal.OfType<AttemptEnded>().Single().Kept);
        Assert.Equal((2, 3), (_sweep[0].Attempt, _sweep[0].Members.Length));
        Assert.Equal([1, 2], Assert.Single(_sweep.Effects.OfType<KeepSlots>()).Members.Select(member => member.Rank));
        var starts = _sweep.Sent<StartRank>().ToDictionary(start => start.Rank);
        Assert.Equal([1], starts[1].Kept);
        Assert.Equal([2], starts[0].Kept);       // on node c, where rank 2 lives on
        Assert.Empty(_sweep.Sent<StopRank>());
        Assert.Equal(7, _sweep[0].FurthestStep);
    }

    [Fact]
    public void WithoutASlot_ItGoesOnWithFewer_AfterTheWait_AndTakesRanksInAgain()
    {
        Start();
        Train(1, 7);
        _sweep.Exit(0, 1, RankEnd.Lost, "killed", TestSweep.NodeB, rank: 1);
        Wait(9);
        Assert.Empty(_sweep.Effects.OfType<AskForSlots>());
        Wait(1);
        Assert.Equal(0, Assert.Single(_sweep.Effects.OfType<AskForSlots>()).Least);
        _sweep.Do(new SlotsGranted(0, 2, [.. _sweep[0].Members.Select(member => member with { IsKept = true })]));
        Assert.Equal([0, 2], _sweep[0].Members.Select(member => member.Rank));

        Wait(1);
        Assert.Empty(_sweep.Effects.OfType<AskForSlots>());      // not before it trains
        Train(2, 8);
        Wait(1);
        var grow = Assert.Single(_sweep.Effects.OfType<AskForSlots>());
        Assert.Equal((3, 1, 1), (grow.Attempt, grow.Ranks, grow.Least));
        _sweep.Do(new SlotsGranted(0, 3, [grow.Keep[0] with { IsKept = true }, new Member(1, TestSweep.NodeB, 1, 1), grow.Keep[1] with { IsKept = true }]));
        var ended = _sweep.Journal.OfType<AttemptEnded>().Last();
        Assert.Equal((RankEnd.Stopped, 2), (ended.End, ended.Kept!.Value.Length));
        Assert.Equal((3, 3), (_sweep[0].Attempt, _sweep[0].Members.Length));
    }

    [Fact]
    public void AnAccusation_IsBelievedAfterASecond_UnlessTheTrialItselfFailed()
    {
        Start();
        Accuse(0, TestSweep.NodeA, 1);
        Assert.Null(_sweep[0].Broken);
        _sweep.Exit(0, 1, RankEnd.Failed, "Loss is NaN", TestSweep.NodeB, rank: 1);
        Assert.Equal((TrialPhase.Waiting, 1), (_sweep[0].Phase, _sweep[0].Failures));

        var other = new GroupTests();
        other.Start();
        other.Accuse(0, TestSweep.NodeA, 1);
        other.Accuse(1, TestSweep.NodeB, 0);      // each accuses the other: one goes on
        other.Wait(1);
        Assert.Equal([1], other._sweep[0].Broken!.Lost);
    }

    /// <summary>Its peers may notice first, and the coordinator act on that: a failure is a failure still.</summary>
    [Fact]
    public void AFailureThatIsHeardOfLate_EndsTheAttemptForAll()
    {
        Start();
        Accuse(0, TestSweep.NodeA, 1);
        Wait(1);
        _sweep.Exit(0, 1, RankEnd.Failed, "Loss is NaN", TestSweep.NodeB, rank: 1);
        Assert.Equal((TrialPhase.Waiting, 1), (_sweep[0].Phase, _sweep[0].Failures));
    }

    [Fact]
    public void AGroupThatFellApart_WithNobodyLost_IsFormedAnew()
    {
        Start();
        Accuse(0, TestSweep.NodeA);
        Accuse(1, TestSweep.NodeB);
        Accuse(2, NodeC);
        Wait(1);
        var ask = Assert.Single(_sweep.Effects.OfType<AskForSlots>());
        Assert.Equal((0, 3), (ask.Ranks, ask.Keep.Length));
    }

    [Fact]
    public void ASecondLoss_MakesTheFirstAnswerVoid_AndAsksAgain()
    {
        Start();
        _sweep.Exit(0, 1, RankEnd.Lost, "killed", TestSweep.NodeA, rank: 0);
        var first = _sweep.Effects.OfType<AskForSlots>().Single();
        _sweep.Exit(0, 1, RankEnd.Lost, "killed", TestSweep.NodeB, rank: 1);
        Assert.Equal([2], _sweep.Effects.OfType<AskForSlots>().Single().Keep.Select(member => member.Rank));
        _sweep.Do(new SlotsGranted(0, 2, [new Member(0, NodeC, 1, 1), .. first.Keep.Select(member => member with { IsKept = true })]));
        Assert.Equal([0], Assert.Single(_sweep.Effects.OfType<ReleaseSlots>()).Members.Select(member => member.Rank));      // what was new
        Assert.Equal([2], Assert.Single(_sweep.Effects.OfType<AskForSlots>()).Keep.Select(member => member.Rank));
        Assert.Equal(1, _sweep[0].Attempt);

        _sweep.Exit(0, 1, RankEnd.Lost, "killed", NodeC, rank: 2);
        Assert.Equal(TrialPhase.Waiting, _sweep[0].Phase);       // nobody is left: from the newest checkpoint
        Assert.Null(_sweep.Journal.OfType<AttemptEnded>().Single().Kept);
    }

    [Fact]
    public void ReportsOfTheAttemptBefore_DoNotEndThoseThatGoOn()
    {
        Start();
        _sweep.Exit(0, 1, RankEnd.Lost, "killed", TestSweep.NodeB, rank: 1);
        _sweep.Do(new SlotsGranted(0, 2, [.. _sweep[0].Members.Select(member => member with { IsKept = true }), new Member(1, TestSweep.NodeB, 1, 1)]));
        _sweep.Report(new ProgressReport(TestSweep.Trial(0), 1, 0, 0, 3, 5, 9, 1, 1));
        Assert.Empty(_sweep.Replies);
        _sweep.Do(new NodeAppeared(TestSweep.NodeA, 1, [new RunningRank(TestSweep.Trial(0), 1, 0, 1, 100, false)]));
        Assert.Empty(_sweep.Sent<AttemptIsStale>());
        // A stray one is ended alone: others of its node may go on.
        _sweep.Report(new RankWaiting(TestSweep.Trial(0), 1, 1, TestSweep.NodeB, [], 5, ""));
        Assert.Equal(new StopRank(1, TestSweep.Trial(0), 1, StopMode.Kill) { Rank = 1 }, Assert.Single(_sweep.Replies));
    }

    [Fact]
    public void ARestartedCoordinator_HoldsWhatIsLeft_AndAsksForTheRest()
    {
        Start();
        _sweep.Exit(0, 1, RankEnd.Lost, "killed", TestSweep.NodeB, rank: 1);
        var next = new TestSweep(1, "ranks: 3, min_ranks: 2, replace_wait: 10") { Now = _sweep.Now };
        next.Recover(_sweep.Journal);
        next.Do(new BeginTerm(2));
        Assert.Equal([0, 2], Assert.Single(next.Effects.OfType<HoldSlots>()).Members.Select(member => member.Rank));
        next.Do(new Tick());
        Assert.Equal([0, 2], Assert.Single(next.Effects.OfType<AskForSlots>()).Keep.Select(member => member.Rank));
    }

    [Fact]
    public void APausedSweep_StopsThoseThatWait_InGoodOrder()
    {
        Start();
        _sweep.Exit(0, 1, RankEnd.Lost, "killed", TestSweep.NodeB, rank: 1);
        _sweep.Do(new PauseSweep());
        Assert.All(_sweep.Sent<StopRank>(), stop => Assert.Equal(StopMode.Graceful, stop.Mode));
        Assert.Single(_sweep.Effects.OfType<WithdrawRequest>());
        _sweep.Exit(0, 1, RankEnd.Stopped, node: TestSweep.NodeA, rank: 0);
        _sweep.Exit(0, 1, RankEnd.Lost, node: NodeC, rank: 2);
        Assert.Equal((TrialPhase.Waiting, RankEnd.Stopped), (_sweep[0].Phase, _sweep.Journal.OfType<AttemptEnded>().Single().End));
    }

    [Fact]
    public void AnAgentThatLeaves_TakesOnlyItsOwnRankWithIt()
    {
        Start();
        _sweep.Exit(0, 1, RankEnd.Stopped, node: TestSweep.NodeB, rank: 1);
        Assert.Equal((RankEnd.Stopped, TrialPhase.Running), (_sweep[0].Broken!.End, _sweep[0].Phase));
    }

    /// <summary>Losses of a group that has trained in between are no sign that the trial kills its ranks.</summary>
    [Fact]
    public void ManyLosses_WithStepsBetween_DoNotFailTheTrial()
    {
        Start();
        for (var attempt = 1; attempt <= 25; attempt++)
        {
            Train(attempt, attempt * 2);
            var lost = attempt % 3;
            _sweep.Exit(0, attempt, RankEnd.Lost, "killed", _sweep[0].MemberOf(lost)!.Node, rank: lost);
            _sweep.Do(new SlotsGranted(0, attempt + 1, [.. _sweep[0].Members.Select(member => member with { IsKept = true }).Append(new Member(lost, TestSweep.NodeA, 1, 1)).OrderBy(member => member.Rank)]));
        }
        Assert.Equal((TrialPhase.Running, 26, 0), (_sweep[0].Phase, _sweep[0].Attempt, _sweep[0].PastAttempts.Sum(attempt => attempt.RepeatedSteps)));
    }

    private void Start()
    {
        _sweep.Grant(0, 1, TestSweep.NodeA, TestSweep.NodeB, NodeC);
        foreach (var member in _sweep[0].Members) _sweep.Report(new RankStarted(TestSweep.Trial(0), 1, member.Rank, member.Node, 100 + member.Rank));
    }

    /// <summary>From the step where the attempt before was, to <paramref name="step"/>.</summary>
    private void Train(int attempt, long step) =>
        _sweep.Report(new ProgressReport(TestSweep.Trial(0), attempt, _sweep[0].Members[0].Rank, 0, 3, step, 9, 1, 1, StartStep: _sweep[0].FurthestStep));

    private void Ready(int attempt, int rank, NodeId node) => _sweep.Report(new RankReady(TestSweep.Trial(0), attempt, node, new GroupAddress(rank, node.Value, "h", 4000 + rank, -1)));

    private void Accuse(int rank, NodeId node, params int[] lost) => _sweep.Report(new RankWaiting(TestSweep.Trial(0), 1, rank, node, [.. lost], 5, "connection reset"));

    private void Wait(double seconds)
    {
        _sweep.Now += TimeSpan.FromSeconds(seconds);
        _sweep.Do(new Tick());
    }
}
