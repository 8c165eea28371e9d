using Akka.Actor;
using Akka.TestKit;
using Volley.Coordinator.Actors;
using Volley.Coordinator.Sweeps;
using Volley.Coordinator.Tests.Sweeps;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;

namespace Volley.Coordinator.Tests.Actors;

public sealed class SweepManagerActorTests : CoordinatorSystem
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task ASweep_RunsThroughTheRealActors()
    {
        var (manager, agent) = (StartManager(), CreateTestProbe());
        Assert.True(((SweepAnswer)await SubmitAsync(manager, trials: 2)).IsNew);
        Register(manager, agent);
        await ExpectAsync<NodeRegistered>(agent);
        for (var trial = 0; trial < 2; trial++)
        {
            var start = await ExpectAsync<StartRank>(agent);
            Assert.Equal((trial, 1), (start.Trial.Number, start.Attempt));
            await FinishAsync(agent, manager, start);
        }
        await AwaitConditionAsync(async () => (await LookAsync(manager)).Phase == SweepPhase.Finished, Patience, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Empty(Abdications);
    }

    [Fact]
    public async Task ARestartedCoordinator_GoesOnFromItsJournal()
    {
        var (manager, agent) = (StartManager(), CreateTestProbe());
        await SubmitAsync(manager, trials: 2);
        Register(manager, agent);
        var start = await ExpectAsync<StartRank>(agent);
        manager.Tell(new RankStarted(start.Trial, 1, 0, new NodeId("a"), 77), agent);
        manager.Tell(new EpochReport(start.Trial, 1, TestSweep.Epoch(1)), agent);
        await ExpectAsync<EpochAccepted>(agent);
        var before = await LookAsync(manager);
        await StopAsync(manager);

        manager = StartManager();
        var after = await AwaitSweepAsync(manager);
        Assert.Equal((before.Term + 1, before.Trials.Count, 1), (after.Term, after.Trials.Count, after.Trials[0].Epochs.Count));
        Assert.Equal((TrialPhase.Running, 1), (after.Trials[0].Phase, after.Trials[0].Attempt));

        // The rank was never interrupted: it is adopted, and told apart by the higher term.
        Register(manager, agent, 1, new RunningRank(start.Trial, 1, 0, 1, 77, false));
        Assert.Equal(2, (await ExpectAsync<NodeRegistered>(agent)).Term);
        await FinishAsync(agent, manager, start);
        var next = await ExpectAsync<StartRank>(agent);
        Assert.Equal((1, 1, 2L), (next.Trial.Number, next.Attempt, next.Term));
    }

    [Fact]
    public async Task ARestartedAgent_GetsItsTrialsAgain()
    {
        var (manager, agent) = (StartManager(), CreateTestProbe());
        await SubmitAsync(manager, trials: 1);
        Register(manager, agent);
        await ExpectAsync<StartRank>(agent);
        Register(manager, agent, incarnation: 2);
        Assert.Equal(2, (await ExpectAsync<StartRank>(agent, start => start.Attempt > 1)).Attempt);
    }

    [Fact]
    public async Task TheSameSubmission_IsTheSameSweep_AndAnotherIsAConflict()
    {
        var manager = StartManager();
        Assert.True(((SweepAnswer)await SubmitAsync(manager, trials: 2)).IsNew);
        Assert.False(((SweepAnswer)await SubmitAsync(manager, trials: 2)).IsNew);
        Assert.IsType<SubmissionConflict>(await SubmitAsync(manager, trials: 3));
    }

    /// <summary>A journal that a newer version wrote: the sweep says so instead of never answering, and others go on.</summary>
    [Fact]
    public async Task ASweepThatCannotBeRecovered_SaysWhy()
    {
        var manager = StartManager();
        await SubmitAsync(manager, trials: 1);
        await StopAsync(manager);
        Execute("UPDATE journal SET manifest = 'term-started.v99' WHERE manifest = 'term-started.v1'");

        manager = StartManager();
        SweepUnreadable? answer = null;
        await AwaitConditionAsync(async () => (answer = await AskAsync(new SteerSweep(new SweepId("tiny"), null)) as SweepUnreadable) is not null, Patience, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Contains("term-started.v99", answer!.Reason, StringComparison.Ordinal);
        Assert.True(((SweepAnswer)(await AskAsync(new SubmitSweep(new SweepId("other"), TestSweep.SubmissionOf(1))))!).IsNew);

        // What reaches a sweep while it fails to recover is lost, as any mail of an actor that stops.
        async Task<object?> AskAsync(object question)
        {
            try
            {
                return await manager.Ask<object>(question, TimeSpan.FromSeconds(2), TestContext.Current.CancellationToken);
            }
            catch (AskTimeoutException)
            {
                return null;
            }
        }
    }

    [Fact]
    public async Task AnUnknownTrial_IsStale_AndItsExitIsAcknowledged()
    {
        var (manager, agent) = (StartManager(), CreateTestProbe());
        var trial = new TrialId(new SweepId("forgotten"), 3);
        manager.Tell(new EpochReport(trial, 1, TestSweep.Epoch(1)), agent);
        await ExpectAsync<AttemptIsStale>(agent);
        manager.Tell(new RankExited(trial, 1, 0, new NodeId("a"), RankEnd.Finished, null, "", false, []), agent);
        await ExpectAsync<RankExitAccepted>(agent);
    }

    [Fact]
    public async Task AnAgentOfAnotherVersion_IsRefused()
    {
        var (manager, agent) = (StartManager(), CreateTestProbe());
        manager.Tell(new RegisterNode(new NodeId("a"), 1, "host", 1, 1, "cpu", 1, "0.0.9", "f", []), agent);
        Assert.Contains("0.0.9", (await ExpectAsync<NodeRefused>(agent)).Reason, StringComparison.Ordinal);
    }

    /// <summary>Two coordinators on one journal: the unique (persistence id, sequence number) lets one writer through, and the other ends.</summary>
    [Fact]
    public async Task ASecondWriter_MakesTheFirstAbdicate()
    {
        var first = StartManager();
        await SubmitAsync(first, trials: 1);
        var second = StartManager();
        await AwaitSweepAsync(second);
        first.Tell(new SubmitSweep(new SweepId("other"), TestSweep.SubmissionOf(1)));
        await AwaitConditionAsync(() => Task.FromResult(Abdications.Count > 0), Patience, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Contains("another coordinator", Abdications[0], StringComparison.Ordinal);
    }

    private static Task<object> SubmitAsync(IActorRef manager, int trials) =>
        manager.Ask<object>(new SubmitSweep(new SweepId("tiny"), TestSweep.SubmissionOf(trials)), Patience);

    private async Task<SweepState> AwaitSweepAsync(IActorRef manager)
    {
        SweepState? found = null;
        await AwaitConditionAsync(async () => (found = await LookAsync(manager)) is { Term: > 1 }, Patience, cancellationToken: TestContext.Current.CancellationToken);
        return found!;
    }

    private static async Task FinishAsync(TestProbe agent, IActorRef manager, StartRank start)
    {
        manager.Tell(new RankStarted(start.Trial, start.Attempt, 0, new NodeId("a"), 77), agent);
        manager.Tell(new RankExited(start.Trial, start.Attempt, 0, new NodeId("a"), RankEnd.Finished, TestSweep.Outcome(), "", false, []), agent);
        await ExpectAsync<RankExitAccepted>(agent);
    }

    /// <summary>The next message of this kind; repetitions of commands in between are passed over.</summary>
    private static async Task<T> ExpectAsync<T>(TestProbe agent, Func<T, bool>? isMeant = null) where T : class
    {
        return (T)await agent.FishForMessageAsync(message => message is T found && (isMeant?.Invoke(found) ?? true), Patience);
    }
}
