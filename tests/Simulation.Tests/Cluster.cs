using System.Collections.Concurrent;
using Volley.Coordinator.Sweeps;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;
using Volley.Shared.Results;
using Volley.Simulation.Tests.Coordinators;
using Volley.Simulation.Tests.Machines;
using Volley.Simulation.Tests.World;

namespace Volley.Simulation.Tests;

/// <summary>What is simulated: machines, sweeps, and whether a standby takes over from a coordinator that is only stopped.</summary>
internal sealed record Setup(int Machines, int SlotsEach)
{
    public IReadOnlyList<SweepSubmission> Sweeps { get; init; } = [];

    /// <summary>With standbys a second coordinator rises while a stopped one still lives: two at once.</summary>
    public bool HasStandbys { get; init; } = true;

    public FaultMix Faults { get; init; } = FaultMix.None;

    public Cores Cores { get; init; } = Cores.Real;
}

/// <summary>Machines, coordinators, journal and storage in virtual time, and everything between them that can go wrong.</summary>
internal sealed class Cluster
{
    public const string Version = "0.1.0";

    /// <summary>Undisturbed, everything must be over within this.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(4);

    private static readonly ConcurrentDictionary<(string Text, int Overrides), SweepPlan> Plans = new();

    private readonly Dictionary<(object From, object To), Link> _links = [];
    private readonly List<SimulatedCoordinator> _coordinators = [];
    private readonly Dictionary<SweepId, SweepSubmission> _submissions;
    private Luck _luck;
    private int _pid = 100;

    public Cluster(ulong seed, Setup setup, IReadOnlySet<string> suppressed, List<string>? trace = null)
    {
        (Seed, Setup) = (seed, setup);
        _luck = new Luck(seed, "cluster");
        Trace = trace is null ? null : new Trace(trace, Time);
        Faults = new Faults(setup.Faults, suppressed);
        Watch = new Watch(this);
        Journal.Written += Watch.Journaled;
        Files.Deleted += Watch.Deleted;
        _submissions = setup.Sweeps.ToDictionary(sweep => new SweepId(sweep.Name));
        Machines = [.. Enumerable.Range(0, setup.Machines).Select(i => new Machine(this, $"n{i}", setup.SlotsEach))];
        StartCoordinator();
        foreach (var machine in Machines) machine.Start();
        Submit();
    }

    public ulong Seed { get; }

    public Setup Setup { get; }

    public Cores Cores => Setup.Cores;

    public VirtualTime Time { get; } = new();

    public Faults Faults { get; }

    public SimulatedJournal Journal { get; } = new();

    public CheckpointFiles Files { get; } = new();

    public IReadOnlyList<Machine> Machines { get; }

    public Watch Watch { get; }

    public Trace? Trace { get; }

    /// <summary>The newest one, dead or alive.</summary>
    public SimulatedCoordinator Coordinator => _coordinators[^1];

    public IReadOnlyList<SimulatedCoordinator> Coordinators => _coordinators;

    public int NextPid() => ++_pid;

    /// <summary>Understood once: it is pure, and takes longer than all else.</summary>
    public static SweepPlan Plan(SweepSubmission submission) => Plans.GetOrAdd((submission.Text, submission.Overrides.Length), _ => SweepPlanner.Plan(submission));

    public SweepSubmission SubmissionOf(SweepId sweep) => _submissions[sweep];

    /// <summary>What the journal tells of a sweep.</summary>
    public SweepState Replay(SweepId sweep) =>
        Journal.Read($"sweep-{sweep}").Cast<SweepEvent>().Aggregate(new SweepState(sweep, Plan), (state, change) => state.Apply(change));

    /// <summary>Every trial of every sweep is finished.</summary>
    public bool IsOver => _submissions.Keys.All(sweep => Coordinator.Sweeps.TryGetValue(sweep, out var actor)
        && actor.State is { Phase: SweepPhase.Finished } state && state.Trials.All(trial => trial.Phase == TrialPhase.Finished));

    /// <summary>Until every sweep is over: first with faults, then without.</summary>
    /// <exception cref="InvariantBrokenException">With what was broken.</exception>
    public IReadOnlyDictionary<SweepId, SweepResults> RunToTheEnd()
    {
        var strikes = new Strikes(this);
        strikes.Begin();
        var calm = Time.Now + Setup.Faults.Trouble;
        RunUntil(() => IsOver || Time.Now >= calm, Setup.Faults.Trouble + Patience);
        strikes.End();
        var idle = new IdleSlots(this);
        idle.Begin();
        RunUntil(() => IsOver, Patience);
        var results = new Dictionary<SweepId, SweepResults>();
        foreach (var sweep in _submissions.Keys)
        {
            var replayed = SweepOutcome.Of(Replay(sweep));
            if (replayed.ResultsDigest != SweepOutcome.Of(Coordinator.Sweeps[sweep].State!).ResultsDigest)
                throw new InvariantBrokenException($"{sweep}: its journal tells something else than the coordinator's memory");
            results[sweep] = replayed;
        }
        return results;
    }

    /// <exception cref="InvariantBrokenException">It took longer.</exception>
    public void RunUntil(Func<bool> condition, TimeSpan patience, string what = "the end of every sweep")
    {
        var deadline = Time.Now + patience;
        while (!condition())
        {
            if (Time.Now > deadline) throw new InvariantBrokenException($"no progress: {what} was not reached within {patience.TotalSeconds:0} s. {Describe()}");
            if (!Time.Next()) throw new InvariantBrokenException("nothing happens any more");
        }
    }

    public void ToCoordinator(SimulatedAgent agent, IVolleyMessage message)
    {
        var (machine, sender) = (agent.Machine, agent.Address);
        if (machine.Manager is not { } manager || machine.IsCutOff) return;
        LinkBetween(machine, manager).Send(() =>
        {
            if (!machine.IsCutOff) manager.Hear(message, sender);
        });
    }

    public void ToAgent(SimulatedCoordinator coordinator, AgentAddress address, IVolleyMessage message)
    {
        var machine = address.Agent.Machine;
        if (machine.IsCutOff) return;
        LinkBetween(coordinator, machine).Send(() =>
        {
            if (!machine.IsCutOff) address.Agent.Hear(address, message);
        });
    }

    public void Suspect(string place, string reason)
    {
        Trace?.Add($"{place} is suspected");
        foreach (var coordinator in _coordinators.Where(coordinator => !coordinator.IsDead)) coordinator.Suspect(place, reason);
    }

    public void StartCoordinator()
    {
        var clockError = _luck.NextInt(6) switch { 0 => TimeSpan.FromHours(1), 1 => TimeSpan.FromHours(-1), _ => TimeSpan.Zero };
        var coordinator = new SimulatedCoordinator(this, _coordinators.Count + 1, Setup.Faults.Trouble > TimeSpan.Zero ? clockError : TimeSpan.Zero);
        _coordinators.Add(coordinator);
        Trace?.Add($"{coordinator.Name} starts");
        coordinator.Start();
        foreach (var machine in Machines)
        {
            Time.After(_luck.NextBetween(0.1, 4), () =>
            {
                if (coordinator == Coordinator) machine.Manager = coordinator;
            });
        }
    }

    /// <summary>The newest one is replaced; an older one was only still there.</summary>
    public void OnCoordinatorGone(SimulatedCoordinator gone)
    {
        Trace?.Add($"{gone.Name} is gone");
        if (gone == Coordinator) Time.After(_luck.NextBetween(0.3, 8), () => { if (Coordinator.IsDead) StartCoordinator(); });
    }

    /// <summary>A person hands the sweeps in, again and again until they are accepted.</summary>
    private void Submit()
    {
        var missing = _submissions.Where(entry => Journal.Read($"sweep-{entry.Key}").Count == 0).ToList();
        foreach (var (id, submission) in missing) Coordinator.Submit(id, submission);
        if (missing.Count > 0) Time.After(TimeSpan.FromSeconds(3), Submit);
    }

    private Link LinkBetween(object from, object to)
    {
        if (!_links.TryGetValue((from, to), out var link))
            _links[(from, to)] = link = new Link($"{Label(from)}→{Label(to)}", Seed, Time, Faults);
        return link;
    }

    private static string Label(object end) => end is Machine machine ? machine.Id.Value : ((SimulatedCoordinator)end).Name;

    private string Describe() =>
        $"Term {Coordinator.Term}, in office {Coordinator.IsInOffice}; "
        + string.Join("; ", Coordinator.Sweeps.Select(entry => entry.Value.State is not { } state ? $"{entry.Key} is not recovered"
            : $"{entry.Key} {state.Phase}: " + string.Join(", ", state.Open.Select(number => state.Trials[number]).Select(trial =>
                $"trial {trial.Number} {trial.Phase} attempt {trial.Attempt} asked {trial.Live.HasAskedForSlots} on {string.Join(',', trial.Members.Select(member => member.Node))}"))))
        + $"; requests {Coordinator.Inventory.Requests.Count}; "
        + string.Join("; ", Coordinator.Inventory.Nodes.Values.Select(node => $"{node.Id} reachable {node.IsReachable} free {node.FreeSlots} held {string.Join(' ', node.Held.Keys.Select(held => $"{held.Trial}.a{held.Attempt}"))}"))
        + "; " + string.Join("; ", Machines.Select(machine => $"{machine.Id} agent {(machine.Agent is null ? "down" : machine.Agent.State.ClusterId)} runs {machine.Agent?.Ranks.Count}, cut off {machine.IsCutOff}"));
}

/// <summary>What happened, for people; kept only where a run is looked at.</summary>
internal sealed class Trace(List<string> lines, VirtualTime time)
{
    private readonly DateTimeOffset _start = time.Now;

    public void Add(string line) => lines.Add($"{(time.Now - _start).TotalSeconds,8:0.000} {line}");
}
