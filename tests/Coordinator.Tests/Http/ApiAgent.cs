using System.Globalization;
using Akka.Actor;
using Akka.Cluster.Tools.Singleton;
using Volley.Coordinator.Tests.Sweeps;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;

namespace Volley.Coordinator.Tests.Http;

/// <summary>
/// An agent as the protocol describes it, with ranks that only talk. What a sweep's name begins with says what they do: <c>hold-</c> report one
/// epoch and wait until they are stopped, <c>fail-</c> fail for a reason that a person can put right, all others finish.
/// </summary>
internal sealed class ApiAgent : ReceiveActor, IWithTimers
{
    public const int Pid = 4242;
    public const int FirstRankPid = 5000;
    public const int Slots = 64;

    private readonly Dictionary<(TrialId Trial, int Attempt, int Rank), (StartRank Start, int Pid)> _ranks = [];
    private readonly NodeId _node;
    private readonly IActorRef _manager;
    private int _nextPid = FirstRankPid;

    public ApiAgent(string name, string version, string httpAddress)
    {
        _node = new NodeId(name);
        _manager = Context.ActorOf(
            ClusterSingletonProxy.Props(ClusterNames.ManagerPath, ClusterSingletonProxySettings.Create(Context.System).WithRole(ClusterNames.CoordinatorRole)), "manager");
        Receive<Beat>(_ => Tell(new RegisterNode(_node, 1, "10.0.0.7", Slots, 1, "cpu", 8_000_000_000, version, "f",
            [.. _ranks.Values.Select(rank => new RunningRank(rank.Start.Trial, rank.Start.Attempt, rank.Start.Rank, rank.Start.Slots, rank.Pid, false))])
        {
            AgentPid = Pid,
            HttpAddress = httpAddress,
        }));
        Receive<StartRank>(Start);
        Receive<StopRank>(stop =>
        {
            foreach (var ((trial, attempt, rank), _) in _ranks.Where(entry => entry.Key.Trial == stop.Trial && entry.Key.Attempt == stop.Attempt).ToList())
                Exit(trial, attempt, rank, stop.Mode == StopMode.Graceful ? RankEnd.Stopped : RankEnd.Lost, "");
        });
        Receive<RetireCheckpoint>(retire => Tell(new CheckpointDeleted(retire.Trial, retire.Attempt, retire.RelativePath)));
        ReceiveAny(_ => { });
    }

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void PreStart() => Timers.StartPeriodicTimer(nameof(Beat), new Beat(), TimeSpan.Zero, TimeSpan.FromMilliseconds(300));

    private void Start(StartRank start)
    {
        var key = (start.Trial, start.Attempt, start.Rank);
        if (_ranks.TryGetValue(key, out var known))
        {
            Tell(new RankStarted(start.Trial, start.Attempt, start.Rank, _node, known.Pid));
            return;
        }
        _ranks[key] = (start, _nextPid);
        Tell(new RankStarted(start.Trial, start.Attempt, start.Rank, _node, _nextPid++));
        var sweep = start.Trial.Sweep.Value;
        if (sweep.StartsWith("fail-", StringComparison.Ordinal))
        {
            Exit(start.Trial, start.Attempt, start.Rank, RankEnd.Failed, "The data set is nowhere.");
            return;
        }
        var epochs = sweep.StartsWith("hold-", StringComparison.Ordinal) ? 1 : 3;
        for (var epoch = 1; epoch <= epochs; epoch++)
        {
            Tell(new EpochReport(start.Trial, start.Attempt, TestSweep.Epoch(epoch)));
            Tell(new CheckpointReport(start.Trial, start.Attempt, epoch * 10, epoch, string.Create(CultureInfo.InvariantCulture, $"{epoch * 10}.a{start.Attempt}"), new string('c', 64), 0.1 * epoch, 1000));
        }
        if (epochs == 3) Exit(start.Trial, start.Attempt, start.Rank, RankEnd.Finished, "");
    }

    private void Exit(TrialId trial, int attempt, int rank, RankEnd end, string error)
    {
        _ranks.Remove((trial, attempt, rank));
        Tell(new RankExited(trial, attempt, rank, _node, end, end == RankEnd.Finished ? TestSweep.Outcome() : null, error, error.Length > 0, ["first line", "last line"]));
    }

    private void Tell(IVolleyMessage message) => _manager.Tell(message, Self);

    private sealed record Beat;
}
