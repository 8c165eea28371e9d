using Volley.Shared.Results;

namespace Volley.Coordinator.Sweeps;

/// <summary>State → results, at any time: trials that have not ended are listed as unfinished.</summary>
internal static class SweepOutcome
{
    public static SweepResults Of(SweepState state) => SweepResults.Of(state.Plan!.Spec, state.Trials.Select(Of));

    public static TrialResult Of(TrialState trial) => TrialResult.Of(
        trial.Spec,
        trial.Phase switch
        {
            TrialPhase.Finished => TrialEndState.Finished,
            TrialPhase.Failed => TrialEndState.Failed,
            TrialPhase.Cancelled => TrialEndState.Cancelled,
            _ => TrialEndState.Unfinished,
        },
        trial.Outcome,
        [.. trial.Epochs.Select(epoch => epoch.Metrics)],
        trial.ActiveTime,
        trial.Attempt,
        trial.Node,
        trial.Phase == TrialPhase.Failed ? trial.Error : null);
}
