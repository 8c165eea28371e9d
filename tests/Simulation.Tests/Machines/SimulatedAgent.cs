using Volley.GpuNode.Agent;
using Volley.Shared.Messages;
using Volley.Simulation.Tests.World;

namespace Volley.Simulation.Tests.Machines;

/// <summary>Where answers go: one actor system of one life of an agent. A later one at the same place is another.</summary>
internal sealed record AgentAddress(SimulatedAgent Agent, int ActorSystem, string Place);

/// <summary>One life of an agent's process: the real <see cref="AgentCore"/> with its queue, a supervisor that runs <see cref="SimulatedRank"/>s, an actor system that comes and goes.</summary>
internal sealed class SimulatedAgent : SimulatedProcess
{
    private static readonly TimeSpan TickPeriod = TimeSpan.FromSeconds(1);

    private readonly Cluster _cluster;
    private readonly List<SimulatedRank> _ranks = [];
    private Luck _luck;
    private AgentState _state;

    public SimulatedAgent(Cluster cluster, Machine machine, int life, string place) : base(cluster.Time)
    {
        (_cluster, Machine, Life) = (cluster, machine, life);
        _luck = new Luck(cluster.Seed, $"{machine.Id} {life}");
        var incarnation = (cluster.Time.Now + machine.ClockError).ToUnixTimeMilliseconds();
        _state = new AgentState(new AgentFacts(machine.Id, incarnation, place, machine.Slots, 1, "cpu", 1 << 30, Cluster.Version, "simulated", place));
        Address = new AgentAddress(this, 0, place);
    }

    public Machine Machine { get; }

    /// <summary>1 for the first of this machine.</summary>
    public int Life { get; }

    public AgentAddress Address { get; private set; }

    public AgentState State => _state;

    /// <summary>Whose processes live.</summary>
    public IReadOnlyList<SimulatedRank> Ranks => _ranks;

    /// <summary>Set while it joins anew: nothing gets in or out.</summary>
    public bool IsJoining { get; private set; } = true;

    public void Start()
    {
        Join();
        Tick();
    }

    /// <summary>Its actor system ended (downed by the others, another cluster): a new one joins, the ranks go on.</summary>
    public void Rejoin()
    {
        if (IsJoining) return;
        IsJoining = true;
        Take(new AgentInput.Disconnected());
        Join();
    }

    public void Take(AgentInput input) => Run(() => Decide(input));

    /// <summary>A message has arrived at an address of this agent.</summary>
    public void Hear(AgentAddress to, IVolleyMessage message) => Run(() =>
    {
        if (IsJoining || to != Address) return;
        Decide(new AgentInput.Heard(message));
    });

    /// <summary>Where others fetch checkpoints.</summary>
    public string HttpAddress => Address.Place;

    /// <summary>Best effort, past the core.</summary>
    public void Say(IVolleyMessage message) => Run(() => Send(message));

    public void Forget(SimulatedRank rank) => _ranks.Remove(rank);

    /// <summary>Its ranks die with it, by <c>PR_SET_PDEATHSIG</c>.</summary>
    protected override void OnKilled()
    {
        foreach (var rank in _ranks.ToList()) rank.Kill();
        Machine.OnAgentGone(this);
    }

    private void Join() => RunAfter(_luck.NextBetween(0.1, 2), () =>
    {
        Address = Address with { ActorSystem = Address.ActorSystem + 1 };
        IsJoining = false;
        Decide(new AgentInput.Connected());
    });

    private void Tick() => RunAfter(TickPeriod, () =>
    {
        Decide(new AgentInput.Tick());
        Tick();
    });

    private void Decide(AgentInput input)
    {
        if (_cluster.Trace is { } trace && Names.IsWorthALine(input)) trace.Add($"{Machine.Id} {Names.Of(input)}");
        var before = _state;
        (_state, var effects) = _cluster.Cores.Agent(_state, input);
        _cluster.Watch.AgentDecided(this, before, input, effects);
        foreach (var effect in effects)
        {
            if (IsDead) return;
            CarryOut(effect);
        }
    }

    private void CarryOut(AgentEffect effect)
    {
        switch (effect)
        {
            case AgentEffect.Send { Message: var message }: Send(message); break;
            case AgentEffect.Launch launch:
                var rank = new SimulatedRank(_cluster, this, launch.Start, launch.Slots);
                _cluster.Trace?.Add($"{Machine.Id} launches {rank.Key} in slots {string.Join(',', launch.Slots)}");
                _cluster.Watch.Launching(this, launch.Start, launch.Slots);
                _ranks.Add(rank);
                rank.Launch();
                break;
            case AgentEffect.StopProcess stop: _ranks.Find(one => one.Key == stop.Rank)?.End(stop.Mode); break;
            case AgentEffect.DeleteCheckpoint { Command: var command }:
                RunAfter(_luck.NextBetween(0, 0.3), () =>
                {
                    _cluster.Files.Delete(CheckpointFiles.PathOf(Machine, command.CheckpointRoot, command.RelativePath));
                    Send(new CheckpointDeleted(command.Trial, command.Attempt, command.RelativePath) { Node = Machine.Id });
                });
                break;
            case AgentEffect.JoinAttempt join: _ranks.Find(one => one.Key == join.Rank)?.Join(join.Start); break;
            case AgentEffect.FormGroup form: _ranks.Find(one => one.Key == form.Rank)?.FormGroup(form.Group); break;
            case AgentEffect.Readdress: break;      // the rank looks for what it lacks once, when it begins
            case AgentEffect.FetchCopy { Command: var command }:
                RunAfter(_luck.NextBetween(0.02, 0.8), () =>
                {
                    var isHere = _cluster.Files.Get(_cluster, Machine, command.CheckpointRoot, command.Checkpoint) is not null;
                    Send(new CheckpointCopied(command.Trial, command.Attempt, command.Checkpoint.RelativePath, Machine.Id, isHere ? "" : "none of its holders answers"));
                });
                break;
            case AgentEffect.RebuildActorSystem: Rejoin(); break;
            case AgentEffect.Warn: break;
            case AgentEffect.Exit: Kill(); break;
            default: throw new InvalidOperationException($"{effect.GetType().Name} is not simulated.");
        }
    }

    private void Send(IVolleyMessage message)
    {
        if (!IsJoining) _cluster.ToCoordinator(this, message);
    }
}
