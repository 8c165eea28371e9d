using Akka.Actor;
using Akka.TestKit;
using Volley.Coordinator.Actors;
using Volley.Coordinator.Journal;
using Volley.Coordinator.Sweeps;
using Volley.Coordinator.Tests.Sweeps;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;
using Volley.TestKit;

namespace Volley.Coordinator.Tests.Actors;

/// <summary>The real actors on a real PostgreSQL server; agents are test probes.</summary>
public sealed class PostgresCoordinatorTests(PostgresServer server) : CoordinatorSystem(Fresh(server)), IClassFixture<PostgresServer>
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(40);
    private static int s_databases;

    private readonly PostgresServer _server = server;

    [Fact]
    [Trait("Category", "Slow")]
    public async Task ARestartOfTheServerInMidSweep_LosesNothing_AndIsGoneThroughByItself()
    {
        var lines = new List<string>();
        var health = new JournalHealth("postgres", lines.Add, TimeProvider.System);
        var manager = Sys.ActorOf(SweepManagerActor.Supervised(
            new CoordinatorParts(SweepPlanner.Plan, "0.1.0", reason => Abdications.Add(reason), TimeProvider.System) { Health = health }));
        var agent = CreateTestProbe();
        await manager.Ask<SweepAnswer>(new SubmitSweep(new SweepId("tiny"), TestSweep.SubmissionOf(2)), Patience, TestContext.Current.CancellationToken);
        Register(manager, agent);
        var start = await ExpectAsync<StartRank>(agent);
        manager.Tell(new RankStarted(start.Trial, 1, 0, new NodeId("a"), 77), agent);
        manager.Tell(new EpochReport(start.Trial, 1, TestSweep.Epoch(1)), agent);
        await ExpectAsync<EpochAccepted>(agent);

        await _server.StopAsync();
        manager.Tell(new EpochReport(start.Trial, 1, TestSweep.Epoch(2)), agent);
        await AwaitConditionAsync(() => Task.FromResult(health.Problem is not null), Patience, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Contains("cannot be used", Assert.Single(lines), StringComparison.Ordinal);
        await _server.StartAsync();

        // As an agent does: it registers with what it runs, and repeats what was not acknowledged.
        await AwaitConditionAsync(
            async () =>
            {
                Register(manager, agent, 1, new RunningRank(start.Trial, 1, 0, 1, 77, false));
                manager.Tell(new EpochReport(start.Trial, 1, TestSweep.Epoch(2)), agent);
                return await HasAsync(agent, message => message is EpochAccepted { Epoch: 2 });
            },
            Patience, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Null(health.Problem);
        Assert.Contains("works again", lines[^1], StringComparison.Ordinal);
        var state = await LookAsync(manager);
        Assert.Equal((TrialPhase.Running, 1, 2), (state.Trials[0].Phase, state.Trials[0].Attempt, state.Trials[0].Epochs.Count));
        manager.Tell(new RankExited(start.Trial, 1, 0, new NodeId("a"), RankEnd.Finished, TestSweep.Outcome(), "", false, []), agent);
        Assert.Equal(1, (await ExpectAsync<StartRank>(agent, next => next.Trial.Number == 1)).Attempt);
        Assert.Empty(Abdications);
    }

    /// <summary>Two coordinators on one journal: PostgreSQL's unique index lets one writer through, and the other ends.</summary>
    [Fact]
    public async Task ASecondWriter_MakesTheFirstAbdicate()
    {
        var first = StartManager();
        await first.Ask<SweepAnswer>(new SubmitSweep(new SweepId("tiny"), TestSweep.SubmissionOf(1)), Patience, TestContext.Current.CancellationToken);
        var second = StartManager();
        await AwaitConditionAsync(async () => (await LookAsync(second)).Term > 1, Patience, cancellationToken: TestContext.Current.CancellationToken);
        first.Tell(new SubmitSweep(new SweepId("other"), TestSweep.SubmissionOf(1)));
        await AwaitConditionAsync(() => Task.FromResult(Abdications.Count > 0), Patience, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Contains("another coordinator", Abdications[0], StringComparison.Ordinal);
    }

    private static IJournalStore Fresh(PostgresServer server)
    {
        var name = $"coordinator{Interlocked.Increment(ref s_databases)}";
        Task.Run(() => server.CreateDatabaseAsync(name)).Wait(Patience);
        var journal = JournalOption.Parse(server.Url(name), "/data", null);
        Task.Run(() => journal.PrepareAsync(ClusterNames.DefaultCluster, CancellationToken.None)).Wait(Patience);
        return journal;
    }

    private static async Task<T> ExpectAsync<T>(TestProbe agent, Func<T, bool>? isMeant = null) where T : class =>
        (T)await agent.FishForMessageAsync(message => message is T found && (isMeant?.Invoke(found) ?? true), Patience);

    private static async Task<bool> HasAsync(TestProbe agent, Predicate<object> isMeant)
    {
        while (await agent.ReceiveOneAsync(TimeSpan.FromSeconds(1)) is { } message)
            if (isMeant(message)) return true;
        return false;
    }
}
