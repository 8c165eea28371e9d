using Akka.Actor;
using Akka.Event;
using Akka.Pattern;
using Akka.Persistence;
using Volley.Coordinator.Journal;
using Volley.Coordinator.Placement;
using Volley.Coordinator.Sweeps;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;

namespace Volley.Coordinator.Actors;

/// <summary>What a coordinator is made of, besides its journal.</summary>
/// <param name="Planner">Understands a submission; pure.</param>
/// <param name="Version">Of Volley; agents must have the same.</param>
/// <param name="Abdicate">Ends the process with a message: another coordinator has taken over.</param>
internal sealed record CoordinatorParts(Func<SweepSubmission, SweepPlan> Planner, string Version, Action<string> Abdicate, TimeProvider Clock)
{
    /// <summary>Told of every failure and success of a write.</summary>
    public JournalHealth Health { get; init; } = new();

    /// <summary>Of the singleton that these parts are for.</summary>
    public Tenure Tenure { get; init; } = new();
}

/// <summary>
/// The cluster singleton: counts its lives (terms), owns the registry of nodes and one actor per sweep, and is the one address that agents
/// and the HTTP API talk to. Protocol: agents' <see cref="INodeProtocol"/> and <see cref="ITrialProtocol"/>; <see cref="SubmitSweep"/>,
/// <see cref="SteerSweep"/>, <see cref="ListSweeps"/>, <see cref="GetInventory"/>, <see cref="DrainNode"/> and its like, <see cref="GetCounters"/> from HTTP;
/// <see cref="SweepMail"/> and <see cref="NodeKeepsFailing"/> from the registry.
/// </summary>
internal sealed class SweepManagerActor : UntypedPersistentActor
{
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly Dictionary<SweepId, IActorRef> _sweeps = [];
    private readonly CoordinatorParts _parts;
    private readonly Dictionary<SweepId, string> _unreadable = [];
    private readonly List<SweepId> _known = [];
    private readonly Dictionary<NodeId, SetAside> _setAside = [];
    private readonly SortedSet<string> _nodes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, SweepId> _byContent = [];
    private long _unknownMessages;
    private long _staleReports;
    private string? _clusterId;
    private long _term;
    private string? _holder;
    private bool _isInOffice;
    private IActorRef _registry = ActorRefs.Nobody;

    public SweepManagerActor(CoordinatorParts parts) => _parts = parts;

    public override string PersistenceId => "sweeps";

    /// <summary>The singleton: it stops on any failure of the journal (a full disk, a server that restarts), and is started again until that is over.</summary>
    public static Props Supervised(CoordinatorParts parts) => Props.Create(() => new BackoffSupervisor(
        InOneTenure(parts), "manager", MinPause, MaxPause, PauseSpread));

    /// <remarks>Called when a supervisor is created, so each life of the singleton has a tenure of its own.</remarks>
    private static Props InOneTenure(CoordinatorParts parts)
    {
        var mine = parts with { Tenure = new Tenure() };
        return Props.Create(() => new SweepManagerActor(mine));
    }

    // Between two tries of a journal that fails.
    private static readonly TimeSpan MinPause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan MaxPause = TimeSpan.FromSeconds(3);
    private const double PauseSpread = 0.2;

    private DateTimeOffset Now => _parts.Clock.GetUtcNow();

    protected override void OnRecover(object message)
    {
        if (message is ManagerEvent change) Apply(change);
        else if (message is not RecoveryCompleted) return;
        else if (_parts.Tenure.IsOverSince(_term, _holder))
            _parts.Abdicate($"Another coordinator has taken over (term {_term}) while this one could not use the journal. It ends; start it again, as a standby.");
        else Self.Tell(TakeOffice.Instance);
    }

    protected override void OnCommand(object message)
    {
        if (message is TakeOffice) { Begin(); return; }
        if (!_isInOffice) { Stash.Stash(); return; }
        switch (message)
        {
            case RegisterNode registration:
                _nodes.Add(registration.Node.Value);
                _registry.Forward(message);
                break;
            case NodeLeaving or GetInventory: _registry.Forward(message); break;
            case DrainNode drain: SetAside(drain.Node, SetAsideKind.Drained, drain.Reason); break;
            case ExcludeNode exclude: SetAside(exclude.Node, SetAsideKind.Excluded, exclude.Reason); break;
            case NodeKeepsFailing failing: if (!_setAside.ContainsKey(failing.Node)) SetAside(failing.Node, SetAsideKind.Failing, failing.Reason); break;
            case UndrainNode undrain: TakeBack(undrain.Node); break;
            case GetCounters: _registry.Forward(new CountersAnswer(_unknownMessages, _staleReports, 0)); break;
            case RankExited exited:
                _registry.Tell(new RankIsGone(exited.Node, new RankId(exited.Trial, exited.Attempt, exited.Rank), exited.End, exited.Error, exited.IsUserError));
                PassOn(exited);
                break;
            case ITrialProtocol report: PassOn(report); break;
            case SweepMail { Sweep: { } sweep } mail: if (_sweeps.TryGetValue(sweep, out var target)) target.Tell(mail.Command); break;
            case SweepMail mail: foreach (var sweep in _sweeps.Values) sweep.Tell(mail.Command); break;
            case SweepRecovered { Problem: { } problem } broken: _unreadable[broken.Sweep] = problem; break;
            case SweepRecovered mended:
                _unreadable.Remove(mended.Sweep);
                if (mended.ContentSha256 is { } content) _byContent.TryAdd(content, mended.Sweep);
                break;
            case SubmitSweep { Sweep: var sweep } when _unreadable.TryGetValue(sweep, out var why): Sender.Tell(new SweepUnreadable(sweep, why)); break;
            case SteerSweep { Sweep: var sweep } when _unreadable.TryGetValue(sweep, out var why): Sender.Tell(new SweepUnreadable(sweep, why)); break;
            case SubmitSweep submit: Submit(submit); break;
            case SteerSweep steer:
                if (_sweeps.TryGetValue(steer.Sweep, out var steered)) steered.Forward(steer);
                else Sender.Tell(new SweepUnknown(steer.Sweep));
                break;
            case ListSweeps: Sender.Tell(new SweepList([.. _known])); break;
            default:
                _unknownMessages++;
                Unhandled(message);
                break;
        }
    }

    protected override void OnPersistFailure(Exception cause, object @event, long sequenceNr)
    {
        if (JournalFailure.IsUniqueViolation(cause))
            _parts.Abdicate($"{PersistenceId}: event {sequenceNr} was written by another coordinator. This one is no longer in charge and ends.");
        else
            _parts.Health.Failed(PersistenceId, cause);     // this actor stops now; its supervisor starts it again
    }

    protected override void OnRecoveryFailure(Exception reason, object? message = null)
    {
        if (JournalFailure.IsOfStorage(reason)) _parts.Health.Failed(PersistenceId, reason);
        else _parts.Abdicate($"The journal cannot be read: {reason.GetBaseException().Message}");
    }

    protected override void OnPersistRejected(Exception cause, object @event, long sequenceNr) =>
        _parts.Abdicate($"The journal refuses event {sequenceNr} of {PersistenceId}: {cause.Message}");

    /// <summary>The first write of a life; nobody is told anything before it is in the journal.</summary>
    private void Begin()
    {
        List<ManagerEvent> events = [];
        if (_clusterId is null) events.Add(new ClusterCreated(Guid.NewGuid().ToString("n"), Now));
        events.Add(new ManagerTermStarted(_term + 1, Now, _parts.Tenure.Id));
        PersistAll(events, change =>
        {
            Apply(change);
            if (change is not ManagerTermStarted) return;
            _parts.Tenure.Begin(_term);
            _parts.Health.Worked(PersistenceId);
            _log.Info("Term {0} of cluster {1} begins; {2} sweeps in the journal", _term, _clusterId, _known.Count);
            _registry = Context.ActorOf(Props.Create(() => new NodeRegistryActor(_clusterId!, _term, _parts.Version, _parts.Clock)), "nodes");
            foreach (var (node, setAside) in _setAside) _registry.Tell(new StandingChanged(node, setAside));
            foreach (var sweep in _known) Open(sweep);
            _isInOffice = true;
            Stash.UnstashAll();
        });
    }

    private void Submit(SubmitSweep submit)
    {
        if (_sweeps.TryGetValue(submit.Sweep, out var existing))
        {
            existing.Forward(submit);
            return;
        }
        if (!submit.EvenIfKnown && _byContent.TryGetValue(submit.Submission.ContentSha256, out var same))
        {
            Sender.Tell(new AlreadySubmitted(same));
            return;
        }
        Persist(new SweepRegistered(submit.Sweep, Now, submit.Submission.ContentSha256), change =>
        {
            Apply(change);
            Open(submit.Sweep).Forward(submit);
        });
    }

    private void SetAside(NodeId node, SetAsideKind kind, string reason)
    {
        if (!IsKnown(node)) return;
        if (_setAside.TryGetValue(node, out var already) && (already.Kind, already.Reason) == (kind, reason))
        {
            Sender.Tell(new NodeAnswer(node, already));
            return;
        }
        Settle(new NodeSetAside(node, kind, MessageLimits.Clip(reason), Now), node);
    }

    private void TakeBack(NodeId node)
    {
        if (!IsKnown(node)) return;
        if (_setAside.ContainsKey(node)) Settle(new NodeTakenBack(node, Now), node);
        else Sender.Tell(new NodeAnswer(node, null));
    }

    /// <summary>In the journal first, so that a restarted coordinator remembers.</summary>
    private void Settle(ManagerEvent decision, NodeId node) => Persist(decision, change =>
    {
        Apply(change);
        var setAside = _setAside.GetValueOrDefault(node);
        _log.Info("Node {0}: {1}", node, setAside is null ? "serves again" : $"{setAside.Kind}: {setAside.Reason}");
        _registry.Tell(new StandingChanged(node, setAside));
        Sender.Tell(new NodeAnswer(node, setAside));
    });

    private bool IsKnown(NodeId node)
    {
        if (_nodes.Contains(node.Value) || _setAside.ContainsKey(node)) return true;
        Sender.Tell(new NodeUnknown(node, [.. _nodes.Select(name => new NodeId(name))]));
        return false;
    }

    private void Apply(ManagerEvent change)
    {
        switch (change)
        {
            case ClusterCreated created: _clusterId = created.ClusterId; break;
            case ManagerTermStarted started: (_term, _holder) = (started.Term, started.Holder); break;
            case SweepRegistered registered:
                _known.Add(registered.Sweep);
                if (registered.ContentSha256 is { } content) _byContent.TryAdd(content, registered.Sweep);
                break;
            case NodeSetAside aside: _setAside[aside.Node] = new SetAside(aside.Kind, aside.Reason, aside.At); break;
            case NodeTakenBack back: _setAside.Remove(back.Node); break;
            default: throw new InvalidOperationException($"{change.GetType().Name} is no event of the manager.");
        }
    }

    /// <summary>A persistent actor stops for good on a journal error; the supervisor brings it back, and it recovers.</summary>
    private IActorRef Open(SweepId id)
    {
        var (parts, term, manager, registry) = (_parts, _term, Self, _registry);
        var sweep = Props.Create(() => new SweepActor(id, term, parts.Planner, manager, registry, parts.Abdicate, parts.Health, parts.Clock));
        var supervisor = BackoffSupervisor.Props(Backoff.OnStop(sweep, "sweep", MinPause, MaxPause, PauseSpread, maxNrOfRetries: -1));
        return _sweeps[id] = Context.ActorOf(supervisor, $"sweep-{id}");
    }

    private void PassOn(ITrialProtocol report)
    {
        if (_sweeps.TryGetValue(report.Trial.Sweep, out var sweep)) sweep.Tell(new FromAgent(report), Sender);
        else if (report is RankExited exited) Sender.Tell(new RankExitAccepted(exited.Trial, exited.Attempt, exited.Rank));
        else
        {
            _staleReports++;
            Sender.Tell(new AttemptIsStale(_term, report.Trial, report.Attempt));
        }
    }

    private sealed record TakeOffice
    {
        public static readonly TakeOffice Instance = new();
    }
}
