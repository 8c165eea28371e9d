using Volley.Coordinator.Placement;
using Volley.Shared.Determinism;
using Volley.Shared.Identifiers;
using Volley.Simulation.Tests.Machines;
using Volley.Simulation.Tests.World;

namespace Volley.Simulation.Tests;

/// <summary>Faults that come at moments of their own: kills, stops, cuts, full disks, and what people do meanwhile. All drawn from the seed, each by its number.</summary>
internal sealed class Strikes
{
    private readonly Cluster _cluster;
    private readonly (string Name, Action<KeyedRandom> Do)[] _kinds;
    private readonly Operator _operator;
    private int _number;

    public Strikes(Cluster cluster)
    {
        _cluster = cluster;
        _operator = new Operator(cluster);
        _kinds =
        [
            ("kill a rank", random => RankOf(ref random)?.Die("killed by signal 9")),
            ("kill a rank", random => RankOf(ref random)?.Die("killed by signal 9")),
            ("stop a rank", random => Pause(RankOf(ref random), random.Between(1, 60))),
            ("a rank fails", random => RankOf(ref random)?.Fail($"something different each time, {_number}")),
            ("kill an agent", random => MachineOf(ref random).Agent?.Kill()),
            ("kill an agent, and the clock is set", random => { var machine = MachineOf(ref random); machine.ClockError = TimeSpan.FromHours(random.NextInt(3) - 1); machine.Agent?.Kill(); }),
            ("stop an agent", random => MachineOf(ref random).StopAgent(random.Between(1, 30))),
            ("terminate an agent", random => MachineOf(ref random).Agent?.Take(new GpuNode.Agent.AgentInput.Leave())),
            ("cut a link", random => MachineOf(ref random).Cut(random.Between(1, 30))),
            ("suspect a healthy agent", random => { if (MachineOf(ref random).Agent is { } agent) cluster.Suspect(agent.Address.Place, "so they say."); }),
            ("an agent joins anew", random => MachineOf(ref random).Agent?.Rejoin()),
            ("kill the coordinator", random => cluster.Coordinator.Kill()),
            ("stop the coordinator", random => StopCoordinator(random.Between(0.5, 60))),
            ("fill the disk", random => Full(random.Between(2, 20))),
            ("damage a checkpoint", random => DamageOne(ref random)),
            ("the journal cannot be written", random => JournalFull(random.Between(0.1, 5))),
            ("pause a sweep", random => _operator.Pause(SweepOf(ref random), random.Between(0.5, 15))),
            ("cancel a sweep", random => _operator.Cancel(SweepOf(ref random), random.Between(0.5, 15))),
            ("kill a trial", random => _operator.KillTrial(SweepOf(ref random), random.NextInt(1000), random.Between(0.5, 15))),
            ("change a priority", random => _operator.Prioritise(SweepOf(ref random), random.NextInt(5) - 2)),
            ("drain a machine", random => _operator.SetAside(MachineOf(ref random).Id, SetAsideKind.Drained, random.Between(1, 20))),
            ("exclude a machine", random => _operator.SetAside(MachineOf(ref random).Id, SetAsideKind.Excluded, random.Between(1, 20))),
        ];
    }

    public void Begin()
    {
        if (_cluster.Faults.Mix.StrikeEvery > 0) Next();
    }

    /// <summary>Nothing goes wrong any more, and what was broken is mended.</summary>
    public void End()
    {
        _cluster.Trace?.Add("calm: nothing goes wrong any more");
        _cluster.Faults.IsCalm = true;
        _cluster.Files.IsFull = false;
        _cluster.Journal.IsFull = false;
        foreach (var coordinator in _cluster.Coordinators) coordinator.Continue();
        foreach (var machine in _cluster.Machines) machine.Heal();
        _operator.MendEverything();
    }

    private void Next()
    {
        var number = ++_number;
        var random = KeyedRandom.For(_cluster.Seed, "strike", number);
        var mean = _cluster.Faults.Mix.StrikeEvery;
        _cluster.Time.After(random.Between(0, 2 * mean), () =>
        {
            var (name, strike) = _kinds[random.NextInt(_kinds.Length)];
            if (_cluster.Faults.Strike(true, () => $"strike {number}: {name}"))
            {
                _cluster.Trace?.Add($"*** strike {number}: {name}");
                _cluster.Watch.Count(name);
                strike(random);
            }
            if (!_cluster.Faults.IsCalm) Next();
        });
    }

    private Machine MachineOf(ref KeyedRandom random) => _cluster.Machines[random.NextInt(_cluster.Machines.Count)];

    private SweepId SweepOf(ref KeyedRandom random) => new(_cluster.Setup.Sweeps[random.NextInt(_cluster.Setup.Sweeps.Count)].Name);

    private SimulatedRank? RankOf(ref KeyedRandom random)
    {
        var ranks = _cluster.Machines.SelectMany(machine => machine.Agent?.Ranks ?? []).ToList();
        var drawn = random.NextInt(1000);
        return ranks.Count == 0 ? null : ranks[drawn % ranks.Count];
    }

    private void Pause(SimulatedProcess? process, TimeSpan duration)
    {
        if (process is null) return;
        process.Stop();
        _cluster.Time.After(duration, process.Continue);
    }

    /// <summary>Past the detector a standby takes over, and the stopped one wakes up beside it.</summary>
    private void StopCoordinator(TimeSpan duration)
    {
        var stopped = _cluster.Coordinator;
        if (stopped.IsDead || stopped.IsStopped) return;
        Pause(stopped, duration);
        if (!_cluster.Setup.HasStandbys) return;
        _cluster.Time.After(TimeSpan.FromSeconds(8), () =>
        {
            if (stopped.IsStopped && stopped == _cluster.Coordinator) _cluster.StartCoordinator();
        });
        // Removed from the cluster, it ends 6 s after it woke up, if it has not noticed before (measured).
        _cluster.Time.After(duration + TimeSpan.FromSeconds(6), () => { if (stopped != _cluster.Coordinator) stopped.Kill(); });
    }

    private void Full(TimeSpan duration)
    {
        _cluster.Files.IsFull = true;
        _cluster.Time.After(duration, () => _cluster.Files.IsFull = false);
    }

    private void JournalFull(TimeSpan duration)
    {
        _cluster.Journal.IsFull = true;
        _cluster.Time.After(duration, () => _cluster.Journal.IsFull = false);
    }

    private void DamageOne(ref KeyedRandom random)
    {
        var paths = _cluster.Files.Paths.Order(StringComparer.Ordinal).ToList();
        var drawn = random.NextInt(1000);
        if (paths.Count > 0) _cluster.Files.Damage(paths[drawn % paths.Count]);
    }
}
