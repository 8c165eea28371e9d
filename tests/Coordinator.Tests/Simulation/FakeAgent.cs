using System.Collections.Immutable;
using Volley.Shared.Config;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;
using Volley.Shared.Results;

namespace Volley.Coordinator.Tests.Simulation;

/// <summary>Files that outlive every process.</summary>
internal sealed class Disk
{
    /// <summary>Completed epochs by absolute path.</summary>
    public Dictionary<string, int> Checkpoints { get; } = [];

    public HashSet<string> Damaged { get; } = [];
}

/// <summary>An agent as the protocol describes it, with ranks that only count: report until acknowledged, register every 2 s, refuse lower terms.</summary>
internal sealed class FakeAgent(VirtualTime time, Disk disk, NodeId id, int slots, Faults faults, Action<FakeAgent, IVolleyMessage> send)
{
    public sealed class Rank(StartRank start, int epoch)
    {
        public StartRank Start { get; } = start;
        public int Epoch { get; set; } = epoch;
        public bool HasExited { get; set; }
        public bool IsStopping { get; set; }
        public List<ITrialProtocol> Unacknowledged { get; } = [];
    }

    private readonly Dictionary<(TrialId Trial, int Rank), int> _newestAttempt = [];
    private long _term;
    private int _pid = 100;

    public NodeId Id => id;
    public int Slots => slots;
    public long Incarnation { get; private set; } = 1;
    public bool IsCutOff { get; set; }
    public List<(Rank Rank, int Pid)> Ranks { get; } = [];
    public int Living => Ranks.Count(entry => !entry.Rank.HasExited);

    public void Start()
    {
        var life = Incarnation;
        void Beat()
        {
            if (Incarnation != life) return;
            Register();
            foreach (var (rank, _) in Ranks.ToList()) Resend(rank);
            time.After(TimeSpan.FromSeconds(1), Beat);
        }
        time.After(time.Between(0, 1), Beat);
    }

    /// <summary>kill -9: its ranks die with it.</summary>
    public void Crash()
    {
        Ranks.Clear();
        _newestAttempt.Clear();
        _term = 0;
        Incarnation++;
        Start();
    }

    public void KillARank()
    {
        if (Ranks.FirstOrDefault(entry => !entry.Rank.HasExited).Rank is { } victim) Exit(victim, RankEnd.Lost, null, "killed by signal 9");
    }

    public void Hear(IVolleyMessage message)
    {
        if (message is ICoordinatorCommand { Term: var term })
        {
            if (term < _term) return;
            _term = term;
        }
        switch (message)
        {
            case StartRank start: OnStart(start); break;
            case StopRank stop: OnStop(stop); break;
            case AttemptIsStale stale: Forget(rank => rank.Start.Trial == stale.Trial && rank.Start.Attempt <= stale.Attempt); break;
            case EpochAccepted accepted: Settle(accepted, report => report is EpochReport epoch && epoch.Metrics.Epoch == accepted.Epoch); break;
            case CheckpointAccepted accepted: Settle(accepted, report => report is CheckpointReport checkpoint && checkpoint.Step == accepted.Step); break;
            case RankExitAccepted accepted: Forget(rank => rank.HasExited && (rank.Start.Trial, rank.Start.Attempt, rank.Start.Rank) == (accepted.Trial, accepted.Attempt, accepted.Rank)); break;
            case RetireCheckpoint retire:
                disk.Checkpoints.Remove($"{retire.CheckpointRoot}/{retire.RelativePath}");
                send(this, new CheckpointDeleted(retire.Trial, retire.Attempt, retire.RelativePath));
                break;
            default: break;
        }
    }

    private void Register() => send(this, new RegisterNode(id, Incarnation, "host", slots, 1, "cpu", 1, "0.1.0", "f",
        [.. Ranks.Select(entry => new RunningRank(entry.Rank.Start.Trial, entry.Rank.Start.Attempt, entry.Rank.Start.Rank, entry.Rank.Start.Slots, entry.Pid, entry.Rank.HasExited))]));

    private void OnStart(StartRank start)
    {
        if (Ranks.FirstOrDefault(entry => (entry.Rank.Start.Trial, entry.Rank.Start.Attempt, entry.Rank.Start.Rank) == (start.Trial, start.Attempt, start.Rank)) is { Rank: { } known, Pid: var pid })
        {
            if (known.HasExited) Resend(known);
            else send(this, new RankStarted(start.Trial, start.Attempt, start.Rank, id, pid));
            return;
        }
        if (_newestAttempt.GetValueOrDefault((start.Trial, start.Rank)) >= start.Attempt) return;      // it ended here, and that was acknowledged
        _newestAttempt[(start.Trial, start.Rank)] = start.Attempt;
        Forget(rank => rank.Start.Trial == start.Trial && rank.Start.Attempt < start.Attempt);

        var usable = start.ResumeFrom.Select(reference => $"{start.CheckpointRoot}/{reference.RelativePath}").FirstOrDefault(path => disk.Checkpoints.ContainsKey(path) && !disk.Damaged.Contains(path));
        var rank = new Rank(start, usable is null ? 0 : disk.Checkpoints[usable]);
        Ranks.Add((rank, ++_pid));
        send(this, new RankStarted(start.Trial, start.Attempt, start.Rank, id, _pid));
        Train(rank, ConfigJson.Deserialize(start.SpecJson));
    }

    private void Train(Rank rank, TrialSpec spec)
    {
        var life = Incarnation;
        time.After(time.Between(0.2, 2), () =>
        {
            if (life != Incarnation || rank.HasExited || !Ranks.Exists(entry => entry.Rank == rank)) return;
            if (rank.IsStopping)
            {
                Exit(rank, RankEnd.Stopped, null, "");
                return;
            }
            if (rank.Epoch == spec.Train.Epochs)        // resumed from its last checkpoint
            {
                Exit(rank, RankEnd.Finished, FakeTraining.Outcome(spec), "");
                return;
            }
            rank.Epoch++;
            if (rank.Start.Rank > 0)                    // rank 0 speaks for the trial
            {
                Train(rank, spec);
                return;
            }
            Report(rank, new EpochReport(rank.Start.Trial, rank.Start.Attempt, FakeTraining.Epoch(spec, rank.Epoch)));
            var path = $"{rank.Epoch * 10}.a{rank.Start.Attempt}";
            var file = $"{rank.Start.CheckpointRoot}/{path}";
            disk.Checkpoints[file] = rank.Epoch;
            if (time.Chance(faults.Damage)) disk.Damaged.Add(file);
            Report(rank, new CheckpointReport(rank.Start.Trial, rank.Start.Attempt, rank.Epoch * 10, rank.Epoch, path, "sha", FakeTraining.Accuracy(spec, rank.Epoch), 1));
            Train(rank, spec);
        });
    }

    private void OnStop(StopRank stop)
    {
        foreach (var (rank, _) in Ranks.Where(entry => entry.Rank.Start.Trial == stop.Trial && entry.Rank.Start.Attempt == stop.Attempt && !entry.Rank.HasExited).ToList())
        {
            if (stop.Mode == StopMode.Graceful) rank.IsStopping = true;
            else Exit(rank, RankEnd.Lost, null, "killed");
        }
    }

    private void Exit(Rank rank, RankEnd end, TrialOutcome? outcome, string error)
    {
        rank.HasExited = true;
        Report(rank, new RankExited(rank.Start.Trial, rank.Start.Attempt, rank.Start.Rank, id, end, outcome, error, false, []));
    }

    private void Report(Rank rank, ITrialProtocol report)
    {
        rank.Unacknowledged.Add(report);
        Resend(rank);
    }

    /// <summary>The exit only when all before it arrived.</summary>
    private void Resend(Rank rank)
    {
        foreach (var report in rank.Unacknowledged.ToList())
            if (report is not RankExited || rank.Unacknowledged.Count == 1) send(this, report);
    }

    private void Settle(IAttemptMessage answer, Predicate<ITrialProtocol> isMeant)
    {
        foreach (var (rank, _) in Ranks.Where(entry => (entry.Rank.Start.Trial, entry.Rank.Start.Attempt) == (answer.Trial, answer.Attempt)).ToList())
            if (rank.Unacknowledged.RemoveAll(isMeant) > 0) Resend(rank);
    }

    private void Forget(Predicate<Rank> isMeant) => Ranks.RemoveAll(entry => isMeant(entry.Rank));
}

/// <summary>Numbers that follow from the specification alone, as DESIGN §4 promises of real training.</summary>
internal static class FakeTraining
{
    public static double Accuracy(TrialSpec spec, int epoch) => (spec.Seed % 1000 / 2000.0) + (0.01 * epoch);

    public static EpochMetrics Epoch(TrialSpec spec, int epoch) => new()
    {
        Epoch = epoch, Step = epoch * 10, LearningRate = 0.001, TrainLoss = 1.0 / epoch, ImagesPerSecond = 50,
        Validation = new Evaluation { Images = 10, Loss = 0.5, Accuracy = Accuracy(spec, epoch) },
    };

    public static TrialOutcome Outcome(TrialSpec spec) => new()
    {
        Epochs = [],
        Validation = Epoch(spec, spec.Train.Epochs).Validation,
        BestEpoch = spec.Train.Epochs,
        Cost = new ModelCost { Parameters = 1, Macs = 2, EnergyPj = 3 },
        WeightsSha256 = $"weights of seed {spec.Seed}",
        NumericsFingerprint = "f",
        TrainSeconds = 1,
    };
}
