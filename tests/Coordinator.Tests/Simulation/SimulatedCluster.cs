using System.Collections.Immutable;
using Volley.Coordinator.Placement;
using Volley.Coordinator.Sweeps;
using Volley.Coordinator.Tests.Sweeps;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;
using Volley.Shared.Results;

namespace Volley.Coordinator.Tests.Simulation;

/// <summary>
/// The coordinator's cores (sweep, inventory) with a journal, and fake agents, under a seeded scheduler: messages are late, lost or
/// repeated; ranks, agents and the coordinator die; links are cut. Between one pair messages keep their order, as Akka promises.
/// </summary>
internal sealed class SimulatedCluster
{
    private readonly VirtualTime _time;
    private readonly Faults _faults;
    private readonly Disk _disk = new();
    private readonly List<SweepEvent> _journal = [];
    private readonly List<FakeAgent> _agents;
    private readonly Dictionary<(object From, object To), DateTimeOffset> _lastArrival = [];
    private readonly HashSet<int> _finished = [];
    private readonly object _coordinator = new();
    private readonly Dictionary<int, int> _attempts = [];
    private int _checked;
    private SweepState? _sweep;             // null: the coordinator is down
    private Inventory _inventory = Inventory.Empty;
    private long _life;
    private long _term;
    private bool _isCalm;

    public SimulatedCluster(ulong seed, Faults faults, int agents, int slots, int trials, string resources = "")
    {
        _time = new VirtualTime(seed);
        _faults = faults;
        _agents = [.. Enumerable.Range(0, agents).Select(i => new FakeAgent(_time, _disk, new NodeId($"n{i}"), slots, faults, FromAgent))];
        _journal.Add(new SweepAccepted(TestSweep.SubmissionOf(trials, resources, "keep_last: 1, keep_best: 1"), _time.Now));
        foreach (var agent in _agents) agent.Start();
        StartCoordinator();
    }

    public long Steps => _time.Steps;

    public int Faulted { get; private set; }

    public IReadOnlyList<SweepEvent> Journal => _journal;

    /// <summary>Runs until the sweep is over; faults stop after <paramref name="trouble"/>, and then it must end within <paramref name="patience"/>.</summary>
    public SweepResults Run(TimeSpan trouble, TimeSpan patience)
    {
        var calm = _time.Now + trouble;
        if (_faults.FaultEvery > 0) _time.After(_time.Between(0, _faults.FaultEvery), Strike);
        while (_sweep is not { IsOver: true })
        {
            if (!_isCalm && _time.Now > calm) _isCalm = true;
            Assert.True(_time.Now < calm + patience, $"No progress: {Describe()}");
            Assert.True(_time.Next());
            Check();
        }
        return SweepOutcome.Of(_sweep);
    }

    private void Strike()
    {
        if (_isCalm) return;
        Faulted++;
        var agent = _agents[_time.Draw(_agents.Count)];
        switch (_time.Draw(4))
        {
            case 0: agent.KillARank(); break;
            case 1: agent.Crash(); if (_time.Chance(0.5)) Suspect(agent); break;
            case 2: CrashCoordinator(); break;
            default:
                agent.IsCutOff = true;
                _time.After(TimeSpan.FromSeconds(4), () => { if (agent.IsCutOff) Suspect(agent); });
                _time.After(_time.Between(1, 20), () => agent.IsCutOff = false);
                break;
        }
        _time.After(_time.Between(0, 2 * _faults.FaultEvery), Strike);
    }

    private void Suspect(FakeAgent agent) => Coordinate(() => Take(_inventory.Lose(agent.Id, "it is unreachable.")));

    private void StartCoordinator()
    {
        var life = ++_life;
        _inventory = Inventory.Empty;
        _sweep = _journal.Aggregate(new SweepState(TestSweep.Id, SweepPlanner.Plan), (state, change) => state.Apply(change));
        Decide(new BeginTerm(++_term), null);
        void Beat()
        {
            if (life != _life || _sweep is null) return;
            Coordinate(() => { Take(_inventory.NoticeSilence(_time.Now)); Decide(new Tick(), null); });
            _time.After(TimeSpan.FromSeconds(1), Beat);
        }
        _time.After(TimeSpan.FromSeconds(1), Beat);
    }

    private void CrashCoordinator()
    {
        if (_sweep is null) return;
        _sweep = null;
        _time.After(_time.Between(0.5, 20), StartCoordinator);
    }

    private void Coordinate(Action action)
    {
        if (_sweep is not null) action();
    }

    private void FromAgent(FakeAgent agent, IVolleyMessage message)
    {
        if (!agent.IsCutOff) Deliver(agent, _coordinator, () => Coordinate(() => Hear(agent, message)));
    }

    private void Hear(FakeAgent agent, IVolleyMessage message)
    {
        switch (message)
        {
            case RegisterNode registration when _inventory.Refuse(registration, "0.1.0") is null:
                ToAgent(agent.Id, new NodeRegistered(agent.Id, "cluster", _term));
                Take(_inventory.Register(registration, _time.Now));
                break;
            case ITrialProtocol report:
                if (report is RankExited exited) Take((_inventory.Free(exited.Node, new RankId(exited.Trial, exited.Attempt, exited.Rank)), []));
                Decide(new FromAgent(report), agent.Id);
                break;
            default: break;
        }
    }

    private void Decide(SweepCommand command, NodeId? sender)
    {
        if (_sweep is null) return;
        var decision = SweepDecider.Decide(_sweep, command, _time.Now);
        var journaled = decision.Journaled.ToList();
        _journal.AddRange(journaled);
        if (journaled.Count > 0 && !_isCalm && _time.Chance(_faults.CrashAfterPersist))
        {
            Faulted++;
            CrashCoordinator();
            return;
        }
        _sweep = decision.State;
        foreach (var effect in decision.Effects)
        {
            switch (effect)
            {
                case Reply reply: if (sender is { } node) ToAgent(node, reply.Message); break;
                case ToNode to: if (_inventory.Find(to.Node) is { IsReachable: true }) ToAgent(to.Node, to.Message); break;
                case ToAnyNode to: if (_inventory.Nodes.Values.FirstOrDefault(any => any.IsReachable) is { } found) ToAgent(found.Id, to.Message); break;
                case AskForSlots ask: Take((_inventory.Ask(ask.Trial, ask.Attempt, ask.Ranks, ask.ThreadsPerRank, ask.Device), [])); break;
                case ForgetHoldings forget: Take((_inventory.Forget(forget.Sweep), [])); break;
                case SetSweepPriority set: Take((_inventory.Prioritise(set.Sweep, set.Priority), [])); break;
                case WithdrawRequest withdraw: _inventory = _inventory.Withdraw(withdraw.Trial); break;
                case ReleaseSlots release: Take((_inventory.Release(release.Trial, release.Attempt, release.Members, release.MayRun), [])); break;
                case HoldSlots hold: _inventory = _inventory.Hold(hold.Trial, hold.Attempt, hold.Members, _time.Now); break;
                default: throw new InvalidOperationException($"{effect.GetType().Name} is not simulated.");
            }
        }
    }

    /// <summary>News reach the sweep as messages of their own, in order, as between actors.</summary>
    private void Take((Inventory Next, ImmutableArray<InventoryNews> News) change)
    {
        (_inventory, var placed) = change.Next.Place();
        var life = _life;
        foreach (var news in change.News.Concat(placed))
        {
            SweepCommand command = news switch
            {
                NodeIsUp up => new NodeAppeared(up.Node, up.Incarnation, up.Running),
                NodeIsLost lost => new NodeLost(lost.Node, lost.Reason),
                Placed given => new SlotsGranted(given.Trial.Number, given.Attempt, given.Members),
                _ => throw new InvalidOperationException($"{news.GetType().Name} is not simulated."),
            };
            Deliver(_inventory, _coordinator, () => { if (life == _life) Decide(command, null); }, isLocal: true);
        }
    }

    private void ToAgent(NodeId id, IVolleyMessage message)
    {
        var agent = _agents.Single(candidate => candidate.Id == id);
        if (!agent.IsCutOff) Deliver(_coordinator, agent, () => agent.Hear(message));
    }

    private void Deliver(object from, object to, Action arrive, bool isLocal = false)
    {
        if (isLocal)
        {
            _time.After(TimeSpan.Zero, arrive);
            return;
        }
        if (!_isCalm && _time.Chance(_faults.Drop)) return;
        var at = _time.Now + _time.Between(0.0005, 0.05);
        if (_lastArrival.TryGetValue((from, to), out var last) && last > at) at = last;
        _lastArrival[(from, to)] = at;
        _time.At(at, arrive);
        if (!_isCalm && _time.Chance(_faults.Repeat)) _time.At(at, arrive);
    }

    /// <summary>What must hold after every single event.</summary>
    private void Check()
    {
        foreach (var agent in _agents)
            Assert.True(agent.Living <= agent.Slots, $"{agent.Id} runs {agent.Living} ranks in {agent.Slots} slots");
        if (_checked < _journal.Count && _sweep is not null)
            foreach (var trial in _sweep.Trials)
                foreach (var checkpoint in trial.Checkpoints)
                    Assert.True(_disk.Checkpoints.ContainsKey($"{_sweep.Submission!.CheckpointRootOf(_sweep.IdOf(trial.Number))}/{checkpoint.RelativePath}"), $"trial {trial.Number}: checkpoint {checkpoint.RelativePath} is in the journal and not on disk");
        for (; _checked < _journal.Count; _checked++)
        {
            switch (_journal[_checked])
            {
                case TrialFinished done: Assert.True(_finished.Add(done.Trial), $"trial {done.Trial} finished twice"); break;
                case AttemptStarted start:
                    Assert.Equal(_attempts.GetValueOrDefault(start.Trial) + 1, start.Attempt);
                    _attempts[start.Trial] = start.Attempt;
                    break;
                case CheckpointCommitted committed: Assert.Equal(_attempts[committed.Trial], committed.Checkpoint.Attempt); break;
                case EpochReported reported: Assert.Equal(_attempts[reported.Trial], reported.Attempt); break;
                default: break;
            }
        }
    }

    private string Describe() =>
        $"{_time.Now:T}, term {_term}; " + (_sweep is null ? "coordinator down" : string.Join("; ", _sweep.Open.Select(number => _sweep.Trials[number]).Select(trial => $"trial {trial.Number} {trial.Phase} attempt {trial.Attempt} asked {trial.Live.HasAskedForSlots}")))
        + $"; requests {_inventory.Requests.Count}; " + string.Join("; ", _inventory.Nodes.Values.Select(node => $"{node.Id} reachable {node.IsReachable} free {node.FreeSlots}"))
        + "; " + string.Join("; ", _agents.Select(agent => $"{agent.Id} runs {agent.Living}, cut off {agent.IsCutOff}"));
}
