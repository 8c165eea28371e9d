using Volley.Coordinator.Sweeps;
using Volley.Shared.Identifiers;
using Volley.Simulation.Tests.Machines;
using Volley.Simulation.Tests.World;

namespace Volley.Simulation.Tests;

/// <summary>One quiet cluster with one sweep, in which a test breaks one thing at the moment it chooses.</summary>
internal sealed class Scene
{
    private static readonly HashSet<string> Nothing = [];
    private static readonly SweepId Sweep = new("tiny");
    private readonly Setup _setup;

    public Scene(int machines, int slotsEach, string resources = "", int trials = 1, int epochs = 5)
    {
        _setup = new Setup(machines, slotsEach) { Sweeps = [Sweeps.Of(trials: trials, resources: resources, epochs: epochs)] };
        Cluster = new Cluster(7, _setup, Nothing, Lines);
    }

    public Cluster Cluster { get; }

    public List<string> Lines { get; } = [];

    public SweepState State => Cluster.Coordinator.Sweeps.TryGetValue(Sweep, out var actor) && actor.State is { } state ? state : Cluster.Replay(Sweep);

    public TrialState Trial => State.Trials[0];

    public SimulatedRank Rank => Cluster.Machines.SelectMany(machine => machine.Agent?.Ranks ?? []).First();

    /// <summary>By number.</summary>
    public IReadOnlyList<SimulatedRank> Ranks => [.. Cluster.Machines.SelectMany(machine => machine.Agent?.Ranks ?? []).OrderBy(rank => rank.Key.Rank)];

    public Machine Home => Cluster.Machines.First(machine => machine.Agent is { Ranks.Count: > 0 });

    /// <returns>How long it took.</returns>
    public TimeSpan Until(Func<bool> condition, double seconds, string what)
    {
        var start = Cluster.Time.Now;
        Cluster.RunUntil(condition, TimeSpan.FromSeconds(seconds), what);
        return Cluster.Time.Now - start;
    }

    public void UntilCheckpoints(int count) => Until(() => State.Trials.Count > 0 && Trial.Checkpoints.Count >= count && Trial.Phase == TrialPhase.Running, 60, $"{count} checkpoints");

    public TimeSpan UntilAttempt(int attempt, double seconds) => Until(() => Cluster.Watch.Resumptions.Any(resumption => resumption.Rank.Attempt == attempt), seconds, $"attempt {attempt} trains");

    /// <summary>Where rank 0 of that attempt began.</summary>
    public long StepOf(int attempt) => Cluster.Watch.Resumptions.First(resumption => resumption.Rank.Attempt == attempt && resumption.Rank.Rank == 0).Step;

    public void EndsAsIfNothingHadHappened()
    {
        Until(() => Cluster.IsOver, 120, "the end of the sweep");
        var expected = Simulation.Run(0, _setup with { Faults = FaultMix.None }).Digests[Sweep];
        Assert.Equal(expected, SweepOutcome.Of(Cluster.Replay(Sweep)).ResultsDigest);
    }
}
