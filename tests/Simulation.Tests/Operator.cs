using Volley.Coordinator.Placement;
using Volley.Coordinator.Sweeps;
using Volley.Shared.Identifiers;

namespace Volley.Simulation.Tests;

/// <summary>
/// A person who steers while everything breaks: each command is undone a moment later, by looking again and again until it is so. Commands go to the
/// newest coordinator and may be lost with it.
/// </summary>
internal sealed class Operator(Cluster cluster)
{
    private static readonly TimeSpan Glance = TimeSpan.FromSeconds(2);

    public void Pause(SweepId sweep, TimeSpan duration)
    {
        cluster.Coordinator.Steer(sweep, new PauseSweep());
        cluster.Time.After(duration, () => Repair(sweep));
    }

    public void Cancel(SweepId sweep, TimeSpan duration)
    {
        cluster.Coordinator.Steer(sweep, new CancelSweep());
        cluster.Time.After(duration, () => Repair(sweep));
    }

    public void KillTrial(SweepId sweep, int drawn, TimeSpan duration)
    {
        if (StateOf(sweep) is not { Trials.Count: > 0 } state) return;
        cluster.Coordinator.Steer(sweep, new KillTrial(drawn % state.Trials.Count));
        cluster.Time.After(duration, () => Repair(sweep));
    }

    public void Prioritise(SweepId sweep, int priority) => cluster.Coordinator.Steer(sweep, new SetPriority(priority));

    public void SetAside(NodeId node, SetAsideKind kind, TimeSpan duration)
    {
        cluster.Coordinator.SetAside(node, kind, "as an exercise");
        cluster.Time.After(duration, () => TakeBack(node));
    }

    /// <summary>From now on everything is put right, whoever did it.</summary>
    public void MendEverything()
    {
        foreach (var sweep in cluster.Setup.Sweeps) Repair(new SweepId(sweep.Name));
        foreach (var machine in cluster.Machines) TakeBack(machine.Id);
    }

    private SweepState? StateOf(SweepId sweep) => cluster.Coordinator.Sweeps.TryGetValue(sweep, out var actor) ? actor.State : null;

    /// <summary>Runs again, with every trial that has no result.</summary>
    private void Repair(SweepId sweep)
    {
        var state = StateOf(sweep);
        var needsPatience = state is null || state.Phase is SweepPhase.Paused or SweepPhase.Cancelled || state.Trials.Any(trial => trial.Phase is TrialPhase.Cancelled or TrialPhase.Failed);
        if (state is { Phase: SweepPhase.Paused }) cluster.Coordinator.Steer(sweep, new ResumeSweep());
        else if (needsPatience) cluster.Coordinator.Steer(sweep, new RepairSweep());
        if (needsPatience || cluster.Faults.IsCalm) cluster.Time.After(Glance, () => Repair(sweep));
    }

    private void TakeBack(NodeId node)
    {
        var isSetAside = cluster.Coordinator.IsSetAside(node);
        cluster.Coordinator.TakeBack(node);
        if (isSetAside || cluster.Faults.IsCalm) cluster.Time.After(Glance, () => TakeBack(node));
    }
}
