using Volley.Shared.Identifiers;
using Volley.Simulation.Tests.Coordinators;
using Volley.Simulation.Tests.World;

namespace Volley.Simulation.Tests.Machines;

/// <summary>A machine: slots, a clock that may be wrong, a link to the others, and the agent that its service manager restarts whenever it ends.</summary>
internal sealed class Machine(Cluster cluster, string name, int slots)
{
    private Luck _luck = new(cluster.Seed, $"machine {name}");
    private int _lives;

    public NodeId Id { get; } = new(name);

    public int Slots => slots;

    public TimeSpan ClockError { get; set; }

    /// <summary>Null while it is down.</summary>
    public SimulatedAgent? Agent { get; private set; }

    public bool IsCutOff { get; private set; }

    /// <summary>Where its singleton proxy sends; it learns of a new coordinator late.</summary>
    public SimulatedCoordinator? Manager { get; set; }

    public void Start()
    {
        if (Agent is not null) return;
        // The same port again half of the time: then only the actor system's number tells the two lives apart.
        var place = _lives > 0 && _luck.NextChance(0.5) ? $"{name}:{_lives}" : $"{name}:0";
        Agent = new SimulatedAgent(cluster, this, ++_lives, place);
        cluster.Trace?.Add($"{name} agent starts, life {_lives} at {place}");
        Agent.Start();
    }

    public void OnAgentGone(SimulatedAgent agent)
    {
        cluster.Trace?.Add($"{name} agent ends");
        Agent = null;
        cluster.Time.After(_luck.NextBetween(1, 8), Start);
        if (!_luck.NextChance(0.3)) cluster.Time.After(_luck.NextBetween(0.1, 5), () => cluster.Suspect(agent.Address.Place, "it is unreachable."));
    }

    /// <summary>The link is cut; after 5 s the others call it unreachable, after 12 s they remove it, and then its actor system is a stranger to them.</summary>
    public void Cut(TimeSpan duration)
    {
        if (IsCutOff) return;
        IsCutOff = true;
        var agent = Agent;
        if (agent is not null) SuspectWhile(agent, () => IsCutOff);
        cluster.Time.After(duration, () =>
        {
            IsCutOff = false;
            if (duration > TimeSpan.FromSeconds(12)) Agent?.Rejoin();
        });
    }

    /// <summary>SIGSTOP to the agent, SIGCONT later. Its ranks go on.</summary>
    public void StopAgent(TimeSpan duration)
    {
        if (Agent is not { IsStopped: false } agent) return;
        agent.Stop();
        SuspectWhile(agent, () => agent.IsStopped);
        cluster.Time.After(duration, () =>
        {
            agent.Continue();
            if (duration > TimeSpan.FromSeconds(12)) agent.Rejoin();
        });
    }

    public void Heal()
    {
        IsCutOff = false;
        Agent?.Continue();
        foreach (var rank in Agent?.Ranks ?? []) rank.Continue();
    }

    private void SuspectWhile(SimulatedAgent agent, Func<bool> isSilent) => cluster.Time.After(_luck.NextBetween(4, 5), () =>
    {
        if (isSilent()) cluster.Suspect(agent.Address.Place, "it is unreachable.");
    });
}
