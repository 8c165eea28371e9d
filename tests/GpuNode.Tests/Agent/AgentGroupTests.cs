using System.Collections.Immutable;
using Volley.GpuNode.Agent;
using Volley.Shared.Messages;
using static Volley.GpuNode.Agent.AgentInput;
using static Volley.GpuNode.Tests.Agent.Samples;

namespace Volley.GpuNode.Tests.Agent;

/// <summary>Ranks that train together, as their agent sees them.</summary>
public sealed class AgentGroupTests
{
    private static readonly GroupSecret Secret = GroupSecret.Draw();

    private AgentState _state = new AgentState(Facts with { Slots = 4 }) { IsConnected = true, IsRegistered = true, ClusterId = "c", Term = 1 };

    [Fact]
    public void AReadyRank_IsAnnouncedAgain_UntilItsGroupIsFormed()
    {
        Run(Start(), 42);
        var ready = Assert.IsType<RankReady>(Assert.Single(Sent(Take(new GroupReady(Key(), Address(0))))));
        Assert.Equal(("n1", "127.0.0.1"), (ready.Address.Machine, ready.Address.Host));        // what the rank left to its agent
        Assert.Contains(ready, Sent(Take(new Tick())));

        Assert.Equal([new AgentEffect.FormGroup(Key(), Form(1, ready))], Take(new Heard(Form(1, ready))));
        Assert.Empty(Sent(Take(new Tick())).OfType<RankReady>());
        Assert.Empty(Take(new Heard(Form(1, ready))));                                           // a repetition says nothing new
        Assert.Single(Take(new Heard(Form(1, ready) with { Secret = GroupSecret.Draw() })));      // another coordinator's does
    }

    [Fact]
    public void AReadyRank_IsAnnouncedToANewCoordinator_UnlessItsGroupTrainsAlready()
    {
        Run(Start(), 42);
        var ready = Sent(Take(new GroupReady(Key(), Address(0)))).OfType<RankReady>().Single();
        Take(new Heard(Form(1, ready)));
        Assert.Contains(ready, Sent(Take(new Connected())));
        Assert.Contains(ready, Sent(Take(new Tick())));

        Take(new Progressed(new ProgressReport(Trial, 1, 0, 0, 1, 1, 3, 0.5, 1)));
        Assert.Empty(Sent(Take(new Connected())).OfType<RankReady>());
    }

    [Fact]
    public void ASurvivor_JoinsTheNextAttempt_WithItsProcessItsSlotsAndWhatItHasNotYetSaid()
    {
        Run(Start(rank: 0), 42);
        Run(Start(rank: 1), 43);
        Take(new EpochDone(Key(rank: 1), Epoch(3)));
        var waiting = Assert.IsType<RankWaiting>(Assert.Single(Sent(Take(new PeerLost(Key(rank: 1), [0], 30, "connection reset")))));
        Assert.Contains(waiting, Sent(Take(new Tick())));
        var slots = _state.Ranks[1].Slots;

        var effects = Take(new Heard(Start(attempt: 2, rank: 1) with { Kept = [1] }));

        Assert.Equal([new AgentEffect.StopProcess(Key(1, 0), StopMode.Kill)], effects.OfType<AgentEffect.StopProcess>());     // not kept: over
        Assert.Equal(Key(1, 1), Assert.Single(effects.OfType<AgentEffect.JoinAttempt>()).Rank);
        Assert.Empty(effects.OfType<AgentEffect.Launch>());
        Assert.Equal([new RankStarted(Trial, 2, 1, Facts.Node, 43), new EpochReport(Trial, 2, Epoch(3))], Sent(effects));
        var joined = _state.Ranks.Single(rank => rank.Start.Attempt == 2);
        Assert.Equal(slots, joined.Slots);
        Assert.Empty(Sent(Take(new Tick())).OfType<RankWaiting>());
        Assert.Empty(Take(new Heard(Start(attempt: 1, rank: 1))));                               // fenced
    }

    /// <summary>Its next attempt was told before it noticed anything: what it said under way belongs to that one.</summary>
    [Fact]
    public void WhatASurvivorSaid_WhileItWasToldToJoin_CountsForTheNewAttempt()
    {
        Run(Start(rank: 1), 43);
        Take(new Heard(Start(attempt: 2, rank: 1) with { Kept = [1] }));
        Assert.Equal([new EpochReport(Trial, 2, Epoch(3))], Sent(Take(new EpochDone(Key(1, 1), Epoch(3)))));
        Assert.Empty(Take(new PeerLost(Key(1, 1), [0], 30, "late")));
        Assert.Empty(Take(new GroupReady(Key(1, 1), Address(1))));
        Take(new Heard(new EpochAccepted(Trial, 2, 3)));
        Assert.Equal(2, Assert.IsType<RankExited>(Assert.Single(Sent(Take(new Exited(Key(1, 1), Exit(RankEnd.Lost)))))).Attempt);
    }

    [Fact]
    public void AReplacement_DoesNotWaitForTheDeathOfThoseThatLiveOn()
    {
        Run(Start(rank: 1), 43);
        var effects = Take(new Heard(Start(attempt: 2, rank: 0) with { Kept = [1] }));
        Assert.Equal(0, Assert.Single(effects.OfType<AgentEffect.Launch>()).Start.Rank);
        Assert.Empty(effects.OfType<AgentEffect.StopProcess>());
        Assert.Single(Take(new Heard(Start(attempt: 2, rank: 1) with { Kept = [1] })).OfType<AgentEffect.JoinAttempt>());
    }

    [Fact]
    public void AKeptRankThatHasDied_IsStartedLikeAnyOther()
    {
        Run(Start(rank: 1), 43);
        Take(new Exited(Key(1, 1), Exit(RankEnd.Lost)));
        var effects = Take(new Heard(Start(attempt: 2, rank: 1) with { Kept = [1] }));
        Assert.Equal(2, Assert.Single(effects.OfType<AgentEffect.Launch>()).Start.Attempt);
    }

    [Fact]
    public void AStopOfOneRank_LeavesTheOthers_AndOneOfALaterAttemptMeansThoseBeforeToo()
    {
        Run(Start(rank: 0), 42);
        Run(Start(rank: 1), 43);
        Assert.Equal([new AgentEffect.StopProcess(Key(1, 0), StopMode.Kill)], Take(new Heard(new StopRank(1, Trial, 1, StopMode.Kill) { Rank = 0 })));
        Assert.Contains(new AgentEffect.StopProcess(Key(1, 1), StopMode.Kill), Take(new Heard(new StopRank(1, Trial, 2, StopMode.Kill))));
    }

    private static GroupAddress Address(int rank) => new(rank, "", "", 4000 + rank, -1);

    private static FormGroup Form(int attempt, RankReady ready) => new(1, Trial, attempt, [ready.Address, new GroupAddress(1, "m", "h", 1, -1)], Secret);

    private void Run(StartRank start, int pid)
    {
        Take(new Heard(start));
        Take(new Started(new(start.Trial, start.Attempt, start.Rank), pid));
    }

    private ImmutableArray<AgentEffect> Take(AgentInput input)
    {
        (_state, var effects) = AgentCore.Decide(_state, input);
        return effects;
    }

    private static IReadOnlyList<IVolleyMessage> Sent(IEnumerable<AgentEffect> effects) => [.. effects.OfType<AgentEffect.Send>().Select(send => send.Message).Where(message => message is not RegisterNode)];
}
