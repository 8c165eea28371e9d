namespace Volley.Coordinator.TrialScheduling;

/// <summary>Every trial trains to its end. Remembers nothing.</summary>
public sealed class NoTrialScheduler : ITrialScheduler
{
    public string Type => "none";

    public (TrialSchedulerState State, TrialDecision Decision) Decide(TrialSchedulerState state, RungReport report) => (state, TrialDecision.Continue);
}
