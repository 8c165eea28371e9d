using System.Collections.Immutable;
using Volley.Coordinator.Actors;
using Volley.Coordinator.Placement;
using Volley.Coordinator.Sweeps;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;
using Volley.Simulation.Tests.Machines;
using Volley.Simulation.Tests.World;

namespace Volley.Simulation.Tests.Coordinators;

/// <summary>
/// One process with the singleton: what <c>SweepManagerActor</c> (terms, routing) and <c>NodeRegistryActor</c> (the real <see cref="Inventory"/>,
/// addresses of agents) do, message by message.
/// </summary>
internal sealed class SimulatedCoordinator(Cluster cluster, int number, TimeSpan clockError) : SimulatedProcess(cluster.Time)
{
    // A mailbox in a busy process.
    private const double MailSeconds = 0.1;

    private const string PersistenceId = "sweeps";

    private readonly Dictionary<SweepId, SimulatedSweep> _sweeps = [];
    private readonly Dictionary<NodeId, AgentAddress> _agents = [];
    private readonly List<SweepId> _known = [];
    private readonly Dictionary<NodeId, SetAside> _setAside = [];
    private readonly Dictionary<(TrialId Trial, int Attempt), GroupSecret> _secrets = [];
    private readonly Queue<Action> _stash = new();
    private Luck _luck = new(cluster.Seed, $"coordinator {number}");
    private string _clusterId = "";
    private long _sequence;
    private bool _isInOffice;
    private bool _isWriting;
    private DateTimeOffset _lastMail;

    public string Name { get; } = $"c{number}";

    public long Term { get; private set; }

    public Inventory Inventory { get; private set; } = Inventory.Empty;

    public IReadOnlyDictionary<SweepId, SimulatedSweep> Sweeps => _sweeps;

    public DateTimeOffset Now => cluster.Time.Now + clockError;

    public bool IsInOffice => _isInOffice && !IsDead && !IsStopped;

    /// <summary>Reads the manager's journal, and writes the term before anything else.</summary>
    public void Start() => RunAfter(_luck.NextBetween(0.05, 0.5), () =>
    {
        var journal = cluster.Journal.Read(PersistenceId);
        foreach (var change in journal) Apply((ManagerEvent)change);
        _sequence = journal.Count;
        List<ManagerEvent> events = [];
        if (_clusterId.Length == 0) events.Add(new ClusterCreated("simulated", Now));
        events.Add(new ManagerTermStarted(Term + 1, Now));
        Persist(events, () =>
        {
            cluster.Trace?.Add($"{Name} takes office, term {Term}");
            foreach (var (node, setAside) in _setAside) Take(Inventory.Put(node, setAside));
            foreach (var sweep in _known) Open(sweep);
            _isInOffice = true;
            NoticeSilence();
        });
    });

    /// <summary>From an agent, through its singleton proxy.</summary>
    public void Hear(IVolleyMessage message, AgentAddress sender) => Run(() => InOffice(() =>
    {
        switch (message)
        {
            case RegisterNode registration: RunSoon(() => Register(registration, sender)); break;
            case NodeLeaving leaving: RunSoon(() => Take(Inventory.Leave(leaving.Node, leaving.Incarnation))); break;
            case RankExited exited:
                RunSoon(() => Take(Inventory.Exit(exited.Node, new RankId(exited.Trial, exited.Attempt, exited.Rank), exited.End, exited.Error, exited.IsUserError)));
                PassOn(exited, sender);
                break;
            case ITrialProtocol report: PassOn(report, sender); break;
            default: throw new InvalidOperationException($"{message.GetType().Name} is not for a coordinator.");
        }
    }));

    public void Submit(SweepId id, SweepSubmission submission) => Run(() => InOffice(() =>
    {
        if (_sweeps.TryGetValue(id, out var known)) RunSoon(() => known.Tell(new Submit(submission), null));
        else Persist([new SweepRegistered(id, Now)], () => Open(id).Tell(new Submit(submission), null));
    }));

    /// <summary>From a person.</summary>
    public void Steer(SweepId id, SweepCommand command) => Run(() => InOffice(() =>
    {
        if (_sweeps.TryGetValue(id, out var sweep)) RunSoon(() => sweep.Tell(command, null));
    }));

    /// <summary>From a person, or because trials keep failing there.</summary>
    public void SetAside(NodeId node, SetAsideKind kind, string reason) => Run(() => InOffice(() =>
    {
        if (_setAside.GetValueOrDefault(node) is { } already && already.Kind == kind) return;
        Persist([new NodeSetAside(node, kind, reason, Now)], () => RunSoon(() => Take(Inventory.Put(node, _setAside.GetValueOrDefault(node)))));
    }));

    public void TakeBack(NodeId node) => Run(() => InOffice(() =>
    {
        if (_setAside.ContainsKey(node)) Persist([new NodeTakenBack(node, Now)], () => RunSoon(() => Take(Inventory.Put(node, _setAside.GetValueOrDefault(node)))));
    }));

    public bool IsSetAside(NodeId node) => _setAside.ContainsKey(node);

    /// <summary>The cluster's reachability: whoever is at that place.</summary>
    public void Suspect(string place, string reason) => Run(() => InOffice(() =>
    {
        foreach (var (node, _) in _agents.Where(entry => entry.Value.Place == place).ToList()) Take(Inventory.Lose(node, reason));
    }));

    /// <summary>An effect of a sweep that the registry carries out.</summary>
    public void HearSweep(SweepId sweep, SweepEffect effect)
    {
        switch (effect)
        {
            case ToNode to: ToNode(to.Node, false, to.Message); break;
            case ToAnyNode to: ToNode(to.Preferred, true, to.Message); break;
            case FindCopyTarget find: ToSweep(sweep, new CopyTargetFound(find.Trial.Number, find.Attempt, find.RelativePath, Inventory.CopyTarget(find.Source, find.Tried))); break;
            case AskForSlots ask: Take((Inventory.Ask(ask), [])); break;
            case KeepSlots keep: Take(Inventory.Keep(keep)); break;
            case ToGroup to: ToNode(to.Node, false, to.Message with { Secret = SecretOf(to.Message) }); break;
            case WithdrawRequest withdraw: Take((Inventory.Withdraw(withdraw.Trial), [])); break;
            case ReleaseSlots release: Take((Inventory.Release(release.Trial, release.Attempt, release.Members, release.MayRun), [])); break;
            case ForgetHoldings forget: Take((Inventory.Forget(forget.Sweep), [])); break;
            case AvoidNode avoid: Take((Inventory.Avoid(avoid), [])); break;
            case SetSweepPriority set: Take((Inventory.Prioritise(set.Sweep, set.Priority), [])); break;
            case HoldSlots hold:
                Inventory = Inventory.Hold(hold.Trial, hold.Attempt, hold.Members, Now);
                foreach (var node in hold.Members.Select(member => member.Node).Distinct())
                    if (Inventory.SetAside.GetValueOrDefault(node) is { Kind: SetAsideKind.Excluded } excluded)
                        ToSweep(sweep, new NodeLost(node, $"it was excluded: {excluded.Reason}"));
                foreach (var node in hold.Members.Select(member => member.Node).Distinct())
                    if (Inventory.Find(node) is { IsReachable: true } known)
                        ToSweep(sweep, new NodeAppeared(node, known.Registration.Incarnation, known.Registration.Running));
                break;
            default: throw new InvalidOperationException($"{effect.GetType().Name} is not simulated.");
        }
    }

    public void ToAgent(AgentAddress address, IVolleyMessage message) => cluster.ToAgent(this, address, message);

    /// <summary>Somebody else writes the journal, or nobody can: the process ends.</summary>
    public void Abdicate(string why)
    {
        cluster.Trace?.Add($"{Name} abdicates: {why}");
        Kill();
    }

    protected override void OnKilled() => cluster.OnCoordinatorGone(this);

    private void Register(RegisterNode registration, AgentAddress sender)
    {
        (Inventory, var verdict) = Inventory.Admit(registration, Cluster.Version, sender.Place, Now);
        if (verdict.Refusal is { } reason) ToAgent(sender, new NodeRefused(registration.Node, reason));
        if (!verdict.IsAdmitted) return;
        _agents[registration.Node] = sender;
        ToAgent(sender, new NodeRegistered(registration.Node, _clusterId, Term));
        Take(Inventory.Register(registration, Now, sender.Place));
    }

    private void NoticeSilence() => RunAfter(TimeSpan.FromSeconds(1), () =>
    {
        Take(Inventory.NoticeSilence(Now));
        NoticeSilence();
    });

    private void ToNode(NodeId? node, bool isAnyGood, IVolleyMessage message)
    {
        if (node is { } id && Inventory.Find(id) is { IsReachable: true } && _agents.TryGetValue(id, out var agent)) ToAgent(agent, Inventory.WithAddresses(message));
        else if (isAnyGood && Inventory.Nodes.Values.FirstOrDefault(any => any.IsReachable) is { } found) ToAgent(_agents[found.Id], message);
    }

    private void Take((Inventory Next, ImmutableArray<InventoryNews> News) change)
    {
        (Inventory, var placed) = change.Next.Place();
        foreach (var news in change.News.Concat(placed))
        {
            switch (news)
            {
                case NodeIsUp up: ToSweep(null, new NodeAppeared(up.Node, up.Incarnation, up.Running, up.IsOnlyMissing)); break;
                case NodeIsLost lost: ToSweep(null, new NodeLost(lost.Node, lost.Reason)); break;
                case Placed given: ToSweep(given.Trial.Sweep, new SlotsGranted(given.Trial.Number, given.Attempt, given.Members, given.Fingerprint)); break;
                case SlotsWanted wanted: ToSweep(wanted.Trial.Sweep, new YieldSlots(wanted.Trial.Number, wanted.Attempt, wanted.Cause)); break;
                case SlotsAreComing coming: ToSweep(coming.Trial.Sweep, new SlotsComing(coming.Trial.Number, coming.Attempt)); break;
                case KeptAreGone gone: ToSweep(gone.Trial.Sweep, new SlotsGone(gone.Trial.Number, gone.Attempt, gone.Ranks)); break;
                case NodeIsSuspect suspect: RunSoon(() => InOffice(() => { if (!_setAside.ContainsKey(suspect.Node)) SetAside(suspect.Node, SetAsideKind.Failing, suspect.Reason); })); break;
                default: throw new InvalidOperationException($"{news.GetType().Name} is not simulated.");
            }
        }
    }

    /// <summary>By way of the manager, as mail between actors: in order among themselves, but a report of an agent may overtake them.</summary>
    private void ToSweep(SweepId? sweep, SweepCommand command)
    {
        var at = cluster.Time.Now + _luck.NextBetween(0, MailSeconds);
        if (at < _lastMail) at = _lastMail;
        _lastMail = at;
        RunAfter(at - cluster.Time.Now, () =>
        {
            foreach (var (id, target) in _sweeps)
                if (sweep is null || sweep == id) target.Tell(command, null);
        });
    }

    private void PassOn(ITrialProtocol report, AgentAddress sender)
    {
        if (_sweeps.TryGetValue(report.Trial.Sweep, out var sweep)) RunSoon(() => sweep.Tell(new FromAgent(report), sender));
        else if (report is RankExited exited) ToAgent(sender, new RankExitAccepted(exited.Trial, exited.Attempt, exited.Rank));
        else ToAgent(sender, new AttemptIsStale(Term, report.Trial, report.Attempt));
    }

    private GroupSecret SecretOf(FormGroup form)
    {
        if (!_secrets.TryGetValue((form.Trial, form.Attempt), out var secret))
        {
            var random = _luck.Next();
            _secrets[(form.Trial, form.Attempt)] = secret = GroupSecret.Of([.. Enumerable.Range(0, GroupSecret.Bytes).Select(_ => (byte)random.NextInt(256))]);
        }
        return secret;
    }

    private void InOffice(Action action)
    {
        if (_isInOffice && !_isWriting) action();
        else _stash.Enqueue(action);
    }

    private SimulatedSweep Open(SweepId id) => _sweeps[id] = new SimulatedSweep(cluster, this, id);

    private void Persist(IReadOnlyList<ManagerEvent> events, Action then)
    {
        _isWriting = true;
        RunAfter(_luck.NextBetween(0.001, 0.01), () => Write(events, then));
    }

    private void Write(IReadOnlyList<ManagerEvent> events, Action then)
    {
        var answer = cluster.Journal.Append(PersistenceId, _sequence + 1, events);
        RunAfter(_luck.NextBetween(0.0001, 0.002), () =>
        {
            if (answer != JournalAnswer.Written)
            {
                Abdicate($"its journal answered {answer}");
                return;
            }
            _sequence += events.Count;
            foreach (var change in events) Apply(change);
            then();
            _isWriting = false;
            while (!_isWriting && _stash.TryDequeue(out var waiting)) waiting();
        });
    }

    private void Apply(ManagerEvent change)
    {
        switch (change)
        {
            case ClusterCreated created: _clusterId = created.ClusterId; break;
            case ManagerTermStarted started: Term = started.Term; break;
            case SweepRegistered registered: _known.Add(registered.Sweep); break;
            case NodeSetAside aside: _setAside[aside.Node] = new SetAside(aside.Kind, aside.Reason, aside.At); break;
            case NodeTakenBack back: _setAside.Remove(back.Node); break;
            default: throw new InvalidOperationException($"{change.GetType().Name} is not simulated.");
        }
    }
}
