using Volley.Coordinator.Sweeps;
using Volley.Shared.Identifiers;
using Volley.Simulation.Tests.Machines;
using Volley.Simulation.Tests.World;

namespace Volley.Simulation.Tests.Coordinators;

/// <summary>
/// What <c>SweepActor</c> does around the real <see cref="SweepDecider"/>: recover, begin the term, decide ahead of the journal, and act on a decision
/// when its events are written. A failed write ends it, with all that was decided after it, and its supervisor brings it back from the journal.
/// </summary>
internal sealed class SimulatedSweep
{
    private readonly Cluster _cluster;
    private readonly SimulatedCoordinator _coordinator;
    private readonly SweepId _id;
    private readonly Queue<(SweepCommand Command, AgentAddress? Sender)> _waiting = new();       // for the term to begin
    private readonly Queue<Taken> _decided = new();
    private Luck _luck;
    private SweepState? _state;         // after all decisions; null: not recovered yet
    private SweepState? _told;          // after those that were acted on
    private long _sequence;
    private bool _hasBegun;
    private bool _isWriting;
    private bool _isDown;
    private int _life;

    public SimulatedSweep(Cluster cluster, SimulatedCoordinator coordinator, SweepId id)
    {
        (_cluster, _coordinator, _id) = (cluster, coordinator, id);
        _luck = new Luck(cluster.Seed, $"sweep {id} term {coordinator.Term}");
        Recover();
    }

    /// <summary>Null while it recovers.</summary>
    public SweepState? State => _hasBegun ? _told : null;

    private string PersistenceId => $"sweep-{_id}";

    public void Tell(SweepCommand command, AgentAddress? sender)
    {
        if (_isDown) return;            // nobody reads that mailbox
        var mayPass = _state is not null && (_hasBegun || command is BeginTerm || (command is Submit && _state.Submission is null));
        if (mayPass) Take(command, sender);
        else _waiting.Enqueue((command, sender));
    }

    private void Recover() => _coordinator.RunAfter(_luck.NextBetween(0.01, 0.3), () =>
    {
        var life = ++_life;
        var journal = _cluster.Journal.Read(PersistenceId);
        _state = journal.Cast<SweepEvent>().Aggregate(new SweepState(_id, Cluster.Plan), (state, change) => state.Apply(change));
        _sequence = journal.Count;
        (_hasBegun, _isWriting) = (false, false);
        if (_state.Submission is not null) Take(new BeginTerm(_coordinator.Term), null);
        else Drain();
        Tick(life);
    });

    private void Tick(int life) => _coordinator.RunAfter(Volley.Coordinator.Sweeps.Tick.Period, () =>
    {
        if (life != _life) return;
        Tell(new Tick(), null);
        Tick(life);
    });

    private void Take(SweepCommand command, AgentAddress? sender)
    {
        if (command is PersonCommand && _state!.Submission is null) return;      // registered; the submission did not come through: "no such sweep"
        var decision = _cluster.Cores.Sweep(_state!, command, _coordinator.Now);
        _cluster.Watch.SweepTakes(_id, command);
        _state = decision.State;
        if (_cluster.Cores.ActsBeforeItJournals) Act(decision, sender);
        _decided.Enqueue(new Taken(command, decision, sender));
        WriteNext();
    }

    /// <summary>In the order of the decisions, one after the other.</summary>
    private void WriteNext()
    {
        while (!_isWriting && _state is not null && _decided.TryDequeue(out var next))
        {
            if (next.Decision.Journaled.Any()) Write(next);
            else Finish(next);
        }
    }

    private void Write(Taken taken)
    {
        var journaled = taken.Decision.Journaled.ToList();
        _isWriting = true;
        var crash = _luck.Next();
        var mix = _cluster.Faults.Mix;
        var name = $"{_id} term {_coordinator.Term} event {_sequence + 1}";
        var crashesBefore = _cluster.Faults.Strike(crash.NextDouble() < mix.CrashAtPersist / 2, () => $"crash before {name}");
        var crashesAfter = _cluster.Faults.Strike(crash.NextDouble() < mix.CrashAtPersist / 2, () => $"crash after {name}");
        var fails = _cluster.Faults.Strike(crash.NextDouble() < mix.JournalError, () => $"journal error at {name}");
        _coordinator.RunAfter(_luck.NextBetween(0.0005, 0.004), () =>
        {
            if (crashesBefore)
            {
                _coordinator.Kill();
                return;
            }
            if (!fails && _cluster.Journal.WouldTake(PersistenceId, _sequence + 1)) _cluster.Watch.Writing(_id, taken.Command, journaled);
            var answer = fails ? JournalAnswer.Failed : _cluster.Journal.Append(PersistenceId, _sequence + 1, journaled);
            if (crashesAfter)
            {
                _coordinator.Kill();
                return;
            }
            _coordinator.RunAfter(_luck.NextBetween(0.0001, 0.002), () => Written(answer));
        });

        void Written(JournalAnswer answer)
        {
            switch (answer)
            {
                case JournalAnswer.Taken:
                    _coordinator.Abdicate($"{_id}: its journal is written by another");
                    break;
                case JournalAnswer.Failed:
                    _cluster.Trace?.Add($"{_coordinator.Name} {_id} could not write and stops");
                    (_state, _told, _isDown) = (null, null, true);
                    _waiting.Clear();
                    _decided.Clear();
                    _coordinator.RunAfter(_luck.NextBetween(0.2, 3), () =>
                    {
                        _isDown = false;
                        Recover();
                    });
                    break;
                default:
                    _isWriting = false;
                    _sequence += journaled.Count;
                    Finish(taken);
                    WriteNext();
                    break;
            }
        }
    }

    private void Drain()
    {
        for (var left = _waiting.Count; left > 0; left--)
        {
            var (command, sender) = _waiting.Dequeue();
            Tell(command, sender);      // may have to wait again: a submission that was among them has to begin first
        }
    }

    private void Finish(Taken taken)
    {
        _told = taken.Decision.State;
        if (!_cluster.Cores.ActsBeforeItJournals) Act(taken.Decision, taken.Sender);
        switch (taken.Command)
        {
            case BeginTerm:
                _hasBegun = true;
                Drain();
                break;
            case Submit when !_hasBegun: Take(new BeginTerm(_coordinator.Term), null); break;
            default: break;
        }
    }

    private void Act(Decision decision, AgentAddress? sender)
    {
        foreach (var effect in decision.Effects)
        {
            switch (effect)
            {
                case Abdicate abdicate:
                    _coordinator.Abdicate(abdicate.Reason);
                    return;
                case Reply reply:
                    if (sender is not null) _coordinator.ToAgent(sender, reply.Message);
                    break;
                default:
                    _coordinator.RunSoon(() => _coordinator.HearSweep(_id, effect));
                    break;
            }
        }
    }

    private sealed record Taken(SweepCommand Command, Decision Decision, AgentAddress? Sender);
}
