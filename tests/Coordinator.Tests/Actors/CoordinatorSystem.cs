using Akka.Actor;
using Akka.Configuration;
using Akka.Persistence.Sql;
using Volley.Coordinator.Actors;
using Volley.Coordinator.Journal;
using Volley.Coordinator.Sweeps;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;
using Volley.Shared.Serialization;

namespace Volley.Coordinator.Tests.Actors;

/// <summary>The real actors on a real SQLite journal; agents are test probes. A restart is another actor on the same file.</summary>
public abstract class CoordinatorSystem : Akka.TestKit.Xunit.TestKit
{
    private readonly string _folder;
    private protected readonly List<string> Abdications = [];

    protected CoordinatorSystem() : this(Directory.CreateTempSubdirectory("volley-test-").FullName) { }

    private CoordinatorSystem(string folder) : base(Config(Prepared(folder))) => _folder = folder;

    /// <param name="journal">Prepared.</param>
    private protected CoordinatorSystem(IJournalStore journal) : base(Config(journal)) => _folder = "";

    private static Config Config(IJournalStore journal) => ConfigurationFactory
        .ParseString("akka.actor.provider = cluster\nakka.remote.dot-netty.tcp { hostname = \"127.0.0.1\", port = 0 }\nakka.loglevel = OFF\nakka.stdout-loglevel = OFF\nakka.stdout-logger-class = \"Volley.Coordinator.Hosting.SilentLogger, volley\"\n"
            + journal.Hocon() + "\n" + VolleySerializer.Hocon)
        .WithFallback(SqlPersistence.DefaultConfiguration);

    private static SqliteJournal Prepared(string folder)
    {
        var journal = new SqliteJournal(folder);
        journal.Prepare(Volley.Shared.Messages.ClusterNames.DefaultCluster);
        return journal;
    }

    private protected IActorRef StartManager() => Sys.ActorOf(Props.Create(() => new SweepManagerActor(
        new CoordinatorParts(SweepPlanner.Plan, "0.1.0", reason => Abdications.Add(reason), TimeProvider.System))));

    private protected async Task StopAsync(IActorRef actor)
    {
        await WatchAsync(actor);
        Sys.Stop(actor);
        await ExpectTerminatedAsync(actor);
        await UnwatchAsync(actor);
    }

    private protected static async Task<SweepState> LookAsync(IActorRef manager) =>
        ((SweepAnswer)await manager.Ask<object>(new SteerSweep(new SweepId("tiny"), null), TimeSpan.FromSeconds(20))).State;

    private protected void Execute(string sql)
    {
        using var connection = Prepared(_folder).Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        Assert.True(command.ExecuteNonQuery() > 0);
    }

    /// <summary>Registers a node whose agent is <paramref name="agent"/>.</summary>
    private protected static void Register(IActorRef manager, IActorRef agent, long incarnation = 1, params RunningRank[] running) =>
        manager.Tell(new RegisterNode(new NodeId("a"), incarnation, "host", 1, 1, "cpu", 1, "0.1.0", "f", [.. running]), agent);

    protected override void AfterAll()
    {
        base.AfterAll();
        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        if (_folder.Length > 0) Directory.Delete(_folder, recursive: true);
    }
}
