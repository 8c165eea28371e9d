using System.Collections.Immutable;
using Volley.GpuNode.Agent;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;
using static Volley.GpuNode.Agent.AgentInput;
using static Volley.GpuNode.Tests.Agent.Samples;

namespace Volley.GpuNode.Tests.Agent;

public sealed class AgentCoreTests
{
    private AgentState _state = new AgentState(Facts) { IsConnected = true, IsRegistered = true, ClusterId = "c", Term = 1 };

    [Fact]
    public void AStartedRank_IsLaunchedOnce_AndAnnouncedAgainForEveryRepetition()
    {
        Assert.Single(Take(new Heard(Start())).OfType<AgentEffect.Launch>());
        Assert.Empty(Take(new Heard(Start())));
        Assert.Equal([new RankStarted(Trial, 1, 0, Facts.Node, 42)], Sent(Take(new Started(Key(), 42))));
        Assert.Equal([new RankStarted(Trial, 1, 0, Facts.Node, 42)], Sent(Take(new Heard(Start()))));
    }

    [Fact]
    public void ACommandOfAnOlderTerm_ChangesNothing()
    {
        _state = _state with { Term = 5 };
        Assert.Empty(Take(new Heard(Start(term: 4))));
        Assert.Empty(_state.Ranks);
        Assert.Equal(1, _state.StaleCommands);
    }

    [Fact]
    public void AStartOfAnOlderAttempt_IsRefused()
    {
        Take(new Heard(Start(attempt: 3)));
        Assert.Empty(Take(new Heard(Start(attempt: 2))));
        Assert.Equal(Key(3), Assert.Single(_state.Ranks).Key);
    }

    [Fact]
    public void ANewerAttempt_KillsTheOlder_AndWaitsForItsDeath()
    {
        Run(Start(attempt: 1));
        var effects = Take(new Heard(Start(attempt: 2)));
        Assert.Equal([new AgentEffect.StopProcess(Key(1), StopMode.Kill)], effects);   // a slot is free, but the old process lives

        effects = Take(new Exited(Key(1), Exit(RankEnd.Lost)));
        Assert.Equal(Key(2), Assert.Single(effects.OfType<AgentEffect.Launch>()) is var launch ? new(launch.Start.Trial, launch.Start.Attempt, launch.Start.Rank) : default);
        Assert.Empty(Sent(effects));   // nobody asks about the old one any more
    }

    [Fact]
    public void ASlot_IsGivenAgain_OnlyWhenItsProcessIsConfirmedDead()
    {
        Run(Start(trial: 1, slots: 2));
        Assert.Empty(Take(new Heard(Start(trial: 2))).OfType<AgentEffect.Launch>());
        Take(new Heard(new StopRank(1, new TrialId(Sweep, 1), 1, StopMode.Kill)));
        Assert.Equal(RankPhase.Waiting, _state.Ranks[1].Phase);
        Assert.Single(Take(new Exited(Key(trial: 1), Exit(RankEnd.Lost))).OfType<AgentEffect.Launch>());
    }

    [Fact]
    public void ASmallRank_OvertakesALargeOneThatDoesNotFit()
    {
        Run(Start(trial: 1));
        Assert.Empty(Take(new Heard(Start(trial: 2, slots: 2))).OfType<AgentEffect.Launch>());
        Assert.Equal([1], Assert.Single(Take(new Heard(Start(trial: 3))).OfType<AgentEffect.Launch>()).Slots);
    }

    [Fact]
    public void MoreSlotsThanThereAre_IsAnErrorThatSaysBothNumbers()
    {
        var exit = Assert.IsType<RankExited>(Assert.Single(Sent(Take(new Heard(Start(slots: 3))))));
        Assert.Equal(RankEnd.Failed, exit.End);
        Assert.Contains("needs 3 slots", exit.Error);
        Assert.Contains("lends 2", exit.Error);
    }

    [Fact]
    public void Reports_AreSentAgainUntilAcknowledged_AndTheExitLast()
    {
        Run(Start());
        Take(new EpochDone(Key(), Epoch(1)));
        Take(new CheckpointDone(Key(), Checkpoint(10)));
        Assert.Empty(Sent(Take(new Exited(Key(), Exit()))));   // the exit waits for what came before it

        Assert.Equal(["EpochReport", "CheckpointReport"], Kinds(Take(new Tick())));
        Take(new Heard(new EpochAccepted(Trial, 1, 1)));
        Assert.Equal(["RankExited"], Kinds(Take(new Heard(new CheckpointAccepted(Trial, 1, 10)))));
        Assert.Contains("RankExited", Kinds(Take(new Tick())));
        Take(new Heard(new RankExitAccepted(Trial, 1, 0)));
        Assert.Empty(_state.Ranks);
    }

    [Fact]
    public void ACopyIsFetched_AndARankThatWaitsForItsCheckpoint_HearsOfNewAddresses()
    {
        var copy = new CopyCheckpoint(1, Trial, 1, "sweep/0007", new CheckpointReference(10, "10.a1", "00") { Holders = [] }, 1);
        Assert.Equal([new AgentEffect.FetchCopy(copy)], Take(new Heard(copy)));
        Assert.Empty(Take(new Heard(copy with { Term = 0 })));

        var start = Start() with { ResumeFrom = [new CheckpointReference(10, "10.a1", "00") { Holders = [new CheckpointHolder(new NodeId("a"), "h:1")] }] };
        Take(new Heard(start));
        Assert.Equal([new AgentEffect.Readdress(start)], Take(new Heard(start)));
        Take(new Started(Key(), 42));
        Assert.Equal(["RankStarted"], Kinds(Take(new Heard(start))));
    }

    [Fact]
    public void ALeavingAgent_StaysUntilItsLastCheckpointIsCopied_ButNotForEver()
    {
        Run(Start());
        Take(new Leave());
        Take(new CheckpointDone(Key(), Checkpoint(10)));
        Take(new Exited(Key(), Exit(RankEnd.Stopped)));
        for (var tick = 1; tick < AgentCore.LeaveTicks; tick++) Assert.DoesNotContain(Take(new Tick()), effect => effect is AgentEffect.Exit);
        Assert.Contains(new AgentEffect.Exit(null), Take(new Tick()));
    }

    [Fact]
    public void ALeavingAgentWithoutACheckpointToSave_DoesNotWaitForOne()
    {
        Run(Start());
        Take(new Leave());
        Take(new Exited(Key(), Exit(RankEnd.Stopped)));
        for (var tick = 1; tick < AgentCore.FarewellTicks; tick++) Assert.DoesNotContain(Take(new Tick()), effect => effect is AgentEffect.Exit);
        Assert.Contains(new AgentEffect.Exit(null), Take(new Tick()));
    }

    [Fact]
    public void DuplicateAcknowledgements_AndThoseOfOtherAttempts_ChangeNothing()
    {
        Run(Start(attempt: 2));
        Take(new EpochDone(Key(2), Epoch(1)));
        var before = _state;
        Take(new Heard(new EpochAccepted(Trial, 1, 1)));
        Take(new Heard(new EpochAccepted(Trial, 2, 9)));
        Take(new Heard(new RankExitAccepted(Trial, 2, 0)));   // it lives
        Assert.Equal(before, _state);
        Take(new Heard(new EpochAccepted(Trial, 2, 1)));
        var after = _state;
        Take(new Heard(new EpochAccepted(Trial, 2, 1)));
        Assert.Equal(after, _state);
    }

    [Fact]
    public void AStart_RepeatedAfterItsExitWasAccepted_DoesNotRunItTwice()
    {
        Run(Start());
        Take(new Exited(Key(), Exit()));
        Take(new Heard(new RankExitAccepted(Trial, 1, 0)));
        Assert.Empty(Take(new Heard(Start())));
        Assert.Empty(_state.Ranks);
        Assert.Single(Take(new Heard(Start(attempt: 2))).OfType<AgentEffect.Launch>());
    }

    [Fact]
    public void AStaleAttempt_IsKilled_AndItsReportsForgotten()
    {
        Run(Start());
        Take(new EpochDone(Key(), Epoch(1)));
        Assert.Equal([new AgentEffect.StopProcess(Key(), StopMode.Kill)], Take(new Heard(new AttemptIsStale(1, Trial, 1))));
        Assert.Empty(_state.Registration().Running);
        Assert.Empty(Take(new CheckpointDone(Key(), Checkpoint(10))));
        Assert.Empty(Take(new Exited(Key(), Exit(RankEnd.Lost))));
        Assert.Empty(_state.Ranks);
        Assert.Empty(Take(new Heard(Start())));   // late
    }

    [Fact]
    public void WhileDisconnected_NothingIsSent_AndEverythingAfterwards()
    {
        Run(Start());
        Take(new Disconnected());
        Assert.Empty(Take(new EpochDone(Key(), Epoch(1))));
        Assert.Empty(Take(new Progressed(new ProgressReport(Trial, 1, 0, 1, 2, 11, 20, 0.5, 3))));
        Assert.Empty(Take(new Progressed(new ProgressReport(Trial, 1, 0, 1, 2, 12, 20, 0.5, 3))));
        Assert.Equal(["RegisterNode", "EpochReport", "ProgressReport"], Kinds(Take(new Connected())));
        Assert.Equal(12, _state.Ranks[0].Progress!.Step);
    }

    [Fact]
    public void ALongBacklog_TravelsInAWindow_InOrder_WithoutLoss()
    {
        Run(Start());
        Take(new Disconnected());
        const int Epochs = AgentCore.Window + 40;
        for (var epoch = 1; epoch <= Epochs; epoch++) Take(new EpochDone(Key(), Epoch(epoch)));
        var arrived = Sent(Take(new Connected())).OfType<EpochReport>().Select(report => report.Metrics.Epoch).ToList();
        Assert.Equal(AgentCore.Window, arrived.Count);
        for (var i = 0; i < arrived.Count; i++)
            arrived.AddRange(Sent(Take(new Heard(new EpochAccepted(Trial, 1, arrived[i])))).OfType<EpochReport>().Select(report => report.Metrics.Epoch));
        Assert.Equal(Enumerable.Range(1, Epochs), arrived);
        Assert.Empty(_state.Ranks[0].Reports);
    }

    [Fact]
    public void AnotherCluster_RebuildsTheActorSystem_AndItsTermsStartAnew()
    {
        _state = _state with { Term = 57 };
        Run(Start(term: 57));
        Assert.Equal([new AgentEffect.RebuildActorSystem()], Take(new Heard(new NodeRegistered(Facts.Node, "other", 1))));
        Assert.Equal((1, "other"), (_state.Term, _state.ClusterId));
        Assert.Single(_state.Registration().Running);   // the rank goes on
        Assert.Empty(Take(new Heard(new NodeRegistered(Facts.Node, "other", 1))));
    }

    [Fact]
    public void StoppingWhatWaits_NeedsNoProcess()
    {
        Run(Start(trial: 1, slots: 2));
        Take(new Heard(Start(trial: 2)));
        var exit = Assert.IsType<RankExited>(Assert.Single(Sent(Take(new Heard(new StopRank(1, new TrialId(Sweep, 2), 1, StopMode.Graceful))))));
        Assert.Equal(RankEnd.Stopped, exit.End);
    }

    [Fact]
    public void StoppingWhatDoesNotRunHere_IsAnsweredWithWhatDoes() =>
        Assert.Empty(Assert.IsType<RegisterNode>(Assert.Single(Sent(Take(new Heard(new StopRank(1, Trial, 1, StopMode.Kill)))))).Running);

    [Fact]
    public void Leaving_StopsRanks_WaitsForAcknowledgements_ThenEnds()
    {
        Run(Start());
        Assert.Contains(new AgentEffect.StopProcess(Key(), StopMode.Graceful), Take(new Leave()));
        Assert.True(_state.Registration().Draining);
        Assert.DoesNotContain(Take(new Exited(Key(), Exit(RankEnd.Stopped))), effect => effect is AgentEffect.Exit);
        var effects = Take(new Heard(new RankExitAccepted(Trial, 1, 0)));
        Assert.Equal(["NodeLeaving"], Kinds(effects));
        Assert.Equal(new AgentEffect.Exit(null), effects[^1]);
    }

    [Fact]
    public void Leaving_DoesNotWaitForEver_ForACoordinatorThatIsGone()
    {
        Run(Start());
        Take(new Leave());
        Take(new Exited(Key(), Exit(RankEnd.Stopped)));
        for (var tick = 1; tick < AgentCore.FarewellTicks; tick++) Assert.DoesNotContain(Take(new Tick()), effect => effect is AgentEffect.Exit);
        Assert.Contains(new AgentEffect.Exit(null), Take(new Tick()));
    }

    [Fact]
    public void ASecondRequestToLeave_KillsWhatIsStillStopping()
    {
        Run(Start());
        Take(new Leave());
        Assert.Empty(Take(new Leave()));
        Assert.Contains(new AgentEffect.StopProcess(Key(), StopMode.Kill), Take(new Leave(AtOnce: true)));
    }

    [Fact]
    public void ALeavingAgent_StartsNothing_AndSaysSo()
    {
        Run(Start(trial: 1));
        Take(new Leave());
        var exit = Assert.Single(Sent(Take(new Heard(Start(trial: 2)))).OfType<RankExited>());
        Assert.Equal(RankEnd.Lost, exit.End);
    }

    [Fact]
    public void ARefusedAgent_EndsWithTheReason_UnlessRanksRun()
    {
        Assert.Equal([new AgentEffect.Exit("another version")], Take(new Heard(new NodeRefused(Facts.Node, "another version"))));
        Run(Start());
        Assert.IsType<AgentEffect.Warn>(Assert.Single(Take(new Heard(new NodeRefused(Facts.Node, "another version")))));
    }

    [Fact]
    public void TheMemoryOfEndedTrials_IsBounded()
    {
        for (var trial = 0; trial < AgentCore.MaxFences + 50; trial++)
        {
            Run(Start(trial: trial));
            Take(new Exited(Key(trial: trial), Exit()));
            Take(new Heard(new RankExitAccepted(new TrialId(Sweep, trial), 1, 0)));
        }
        Assert.Equal(AgentCore.MaxFences, _state.Fences.Count);
        Assert.Equal(AgentCore.MaxFences, _state.FenceOrder.Count());
    }

    private void Run(StartRank start)
    {
        Take(new Heard(start));
        Take(new Started(new(start.Trial, start.Attempt, start.Rank), 42));
    }

    private ImmutableArray<AgentEffect> Take(AgentInput input)
    {
        (_state, var effects) = AgentCore.Decide(_state, input);
        return effects;
    }

    private static IReadOnlyList<IVolleyMessage> Sent(IEnumerable<AgentEffect> effects) => [.. effects.OfType<AgentEffect.Send>().Select(send => send.Message)];

    private static IReadOnlyList<string> Kinds(IEnumerable<AgentEffect> effects) => [.. Sent(effects).Select(message => message.GetType().Name)];
}
