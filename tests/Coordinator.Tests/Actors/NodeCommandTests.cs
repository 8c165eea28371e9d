using Akka.Actor;
using Akka.TestKit;
using Volley.Coordinator.Actors;
using Volley.Coordinator.Placement;
using Volley.Coordinator.Sweeps;
using Volley.Coordinator.Tests.Sweeps;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;

namespace Volley.Coordinator.Tests.Actors;

/// <summary>What people tell the manager: about machines, and sweeps it has already.</summary>
public sealed class NodeCommandTests : CoordinatorSystem
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly NodeId A = new("a");

    [Fact]
    public async Task ADrainedNode_StopsItsTrials_AndStaysDrainedOverARestart()
    {
        var (manager, agent) = (StartManager(), CreateTestProbe());
        await SubmitAsync(manager, "tiny", trials: 1);
        Register(manager, agent);
        var start = await ExpectAsync<StartRank>(agent);
        manager.Tell(new RankStarted(start.Trial, 1, 0, A, 77), agent);
        for (var i = 0; i < 2; i++) Assert.Equal(SetAsideKind.Drained, (await AskAsync<NodeAnswer>(manager, new DrainNode(A, "new fan"))).SetAside!.Kind);
        Assert.Equal(StopMode.Graceful, (await ExpectAsync<StopRank>(agent)).Mode);
        manager.Tell(new RankExited(start.Trial, 1, 0, A, RankEnd.Stopped, null, "", false, []), agent);
        await AwaitConditionAsync(async () => (await LookAsync(manager)).Trials[0].Phase == TrialPhase.Waiting, Patience, cancellationToken: TestContext.Current.CancellationToken);
        await StopAsync(manager);

        manager = StartManager();
        Register(manager, agent);
        await ExpectAsync<NodeRegistered>(agent);
        var node = (await AskAsync<InventoryAnswer>(manager, new GetInventory())).Inventory.Find(A)!;
        Assert.Equal(("new fan", 0), (node.SetAside!.Reason, node.FreeSlots));
        for (var i = 0; i < 2; i++) Assert.Null((await AskAsync<NodeAnswer>(manager, new UndrainNode(A))).SetAside);
        Assert.Equal(2, (await ExpectAsync<StartRank>(agent)).Attempt);
    }

    [Fact]
    public async Task AnExcludedNode_LosesItsTrialsAtOnce()
    {
        var (manager, agent) = (StartManager(), CreateTestProbe());
        await SubmitAsync(manager, "tiny", trials: 1);
        Register(manager, agent);
        await ExpectAsync<StartRank>(agent);
        await AskAsync<NodeAnswer>(manager, new ExcludeNode(A, "smoke"));
        Assert.Equal(StopMode.Kill, (await ExpectAsync<StopRank>(agent)).Mode);
        var trial = (await LookAsync(manager)).Trials[0];
        Assert.Equal((TrialPhase.Waiting, 1), (trial.Phase, trial.LossesInARow));
    }

    [Fact]
    public async Task AnUnknownNode_IsNoNode_AndTheKnownOnesAreNamed()
    {
        var (manager, agent) = (StartManager(), CreateTestProbe());
        Register(manager, agent);
        await ExpectAsync<NodeRegistered>(agent);
        Assert.Equal([A], (await AskAsync<NodeUnknown>(manager, new DrainNode(new NodeId("b"), ""))).Known);
        Assert.Equal([A], (await AskAsync<NodeUnknown>(manager, new UndrainNode(new NodeId("b")))).Known);
    }

    [Fact]
    public async Task TheSameContents_UnderAnotherName_AreKnown_AlsoAfterARestart()
    {
        var manager = StartManager();
        await SubmitAsync(manager, "tiny", trials: 1);
        Assert.Equal("tiny", Assert.IsType<AlreadySubmitted>(await SubmitAsync(manager, "copy", trials: 1, evenIfKnown: false)).Sweep.Value);
        await StopAsync(manager);
        manager = StartManager();
        Assert.Equal("tiny", Assert.IsType<AlreadySubmitted>(await SubmitAsync(manager, "copy", trials: 1, evenIfKnown: false)).Sweep.Value);
        Assert.True(Assert.IsType<SweepAnswer>(await SubmitAsync(manager, "copy", trials: 1)).IsNew);
        Assert.True(Assert.IsType<SweepAnswer>(await SubmitAsync(manager, "other", trials: 2, evenIfKnown: false)).IsNew);
    }

    [Fact]
    public async Task ACommandThatMakesNoSense_IsRefused_AndNotesAreTold()
    {
        var manager = StartManager();
        await SubmitAsync(manager, "tiny", trials: 1);
        var sweep = new SweepId("tiny");
        Assert.Contains("no trial 9", (await AskAsync<SteerRefused>(manager, new SteerSweep(sweep, new KillTrial(9)))).Reason, StringComparison.Ordinal);
        Assert.NotEmpty((await AskAsync<SweepAnswer>(manager, new SteerSweep(sweep, new ResumeSweep()))).Notes);
    }

    [Fact]
    public async Task WhatIsRefusedOrNotUnderstood_IsCounted()
    {
        var (manager, agent) = (StartManager(), CreateTestProbe());
        manager.Tell(new RegisterNode(A, 1, "host", 1, 1, "cpu", 1, "0.0.9", "f", []), agent);
        await ExpectAsync<NodeRefused>(agent);
        manager.Tell(new EpochReport(new TrialId(new SweepId("forgotten"), 0), 1, TestSweep.Epoch(1)), agent);
        manager.Tell("rubbish");
        Assert.Equal(new CountersAnswer(UnknownMessages: 1, StaleReports: 1, RefusedRegistrations: 1), await AskAsync<CountersAnswer>(manager, new GetCounters()));
    }

    /// <summary>Two sweeps and one slot: the one of higher priority takes it, and gives it back.</summary>
    [Fact]
    public async Task ASweepOfHigherPriority_TakesTheSlot_AndTheOtherGoesOnAfterwards()
    {
        var (manager, agent) = (StartManager(), CreateTestProbe());
        await SubmitAsync(manager, "tiny", trials: 1);
        Register(manager, agent);
        var low = await ExpectAsync<StartRank>(agent);
        manager.Tell(new RankStarted(low.Trial, 1, 0, A, 77), agent);
        await SubmitAsync(manager, "urgent", trials: 1, resources: "priority: 5");
        Assert.Equal((low.Trial, StopMode.Graceful), (await ExpectAsync<StopRank>(agent)) is var stop ? (stop.Trial, stop.Mode) : default);
        manager.Tell(new RankExited(low.Trial, 1, 0, A, RankEnd.Stopped, null, "", false, []), agent);
        var high = await ExpectAsync<StartRank>(agent);
        Assert.Equal("urgent", high.Trial.Sweep.Value);
        manager.Tell(new RankExited(high.Trial, 1, 0, A, RankEnd.Finished, TestSweep.Outcome(), "", false, []), agent);
        Assert.Equal((low.Trial, 2), (await ExpectAsync<StartRank>(agent, start => start.Trial == low.Trial)) is var again ? (again.Trial, again.Attempt) : default);
    }

    private static Task<object> SubmitAsync(IActorRef manager, string name, int trials, bool evenIfKnown = true, string resources = "") =>
        manager.Ask<object>(new SubmitSweep(new SweepId(name), TestSweep.SubmissionOf(trials, resources), evenIfKnown), Patience);

    private static async Task<T> AskAsync<T>(IActorRef manager, object question) => Assert.IsType<T>(await manager.Ask<object>(question, Patience));

    /// <summary>The next message of this kind; repetitions of commands in between are passed over.</summary>
    private static async Task<T> ExpectAsync<T>(TestProbe agent, Func<T, bool>? isMeant = null) where T : class =>
        (T)await agent.FishForMessageAsync(message => message is T found && (isMeant?.Invoke(found) ?? true), Patience);
}
