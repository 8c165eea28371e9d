using Volley.Coordinator.Sweeps;

namespace Volley.Simulation.Tests;

/// <summary>
/// No slot idles while a trial that fits waits: looked at once a second when nothing goes wrong any more. What the machines really run is
/// compared, not what the inventory believes.
/// </summary>
internal sealed class IdleSlots(Cluster cluster)
{
    /// <summary>Detection, rejoining and the wait for a coordinator's agents take their time after the last fault.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(50);

    /// <summary>A grant, a start and a process take less than this.</summary>
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(6);

    private DateTimeOffset _since;

    public void Begin() => cluster.Time.After(Grace, () =>
    {
        _since = cluster.Time.Now;
        Look();
    });

    private void Look()
    {
        if (!IsIdle()) _since = cluster.Time.Now;
        if (cluster.Time.Now - _since > Bound)
            throw new InvariantBrokenException($"for {Bound.TotalSeconds:0} s slots are free and a trial that fits waits");
        cluster.Time.After(TimeSpan.FromSeconds(1), Look);
    }

    private bool IsIdle()
    {
        var free = cluster.Machines.Where(machine => machine.Agent is { IsJoining: false, State.IsLeaving: false } && !cluster.Coordinator.IsSetAside(machine.Id)).Sum(machine => machine.Slots - machine.Agent!.Ranks.Count);
        return cluster.Coordinator.Sweeps.Values.Any(sweep => sweep.State is { Phase: SweepPhase.Running, Plan: { } plan } state
            && state.Open.Select(number => state.Trials[number]).Any(trial => trial.Phase == TrialPhase.Waiting && trial.Spec.Resources.Ranks <= free)
            && (plan.Resources.MaxConcurrent == 0 || state.Open.Count(number => state.Trials[number].Phase == TrialPhase.Running) < plan.Resources.MaxConcurrent));
    }
}
