using Volley.Shared.Messages;

namespace Volley.Coordinator.Sweeps;

/// <summary>What people tell a sweep. What holds already is noted, what makes no sense is refused; either changes nothing.</summary>
internal static partial class SweepDecider
{
    private static void Obey(SweepTurn turn, PersonCommand command)
    {
        switch (command)
        {
            case PauseSweep: Pause(turn); break;
            case ResumeSweep: Resume(turn); break;
            case CancelSweep: Cancel(turn); break;
            case RetryFailed: RetryAll(turn); break;
            case RepairSweep: Repair(turn); break;
            case RetryTrial retry: RetryOne(turn, retry.Trial); break;
            case KillTrial kill: Kill(turn, kill.Trial); break;
            case ExtendSweep extend: Extend(turn, extend); break;
            case SetPriority set: Prioritise(turn, set.Priority); break;
            default: throw new InvalidOperationException($"{command.GetType().Name} is no command of a person.");
        }
    }

    private static void Pause(SweepTurn turn)
    {
        if (turn.State.Phase != SweepPhase.Running)
        {
            turn.Note(turn.State.IsOver ? $"The sweep is {Word(turn.State.Phase)}: there is nothing to pause." : "The sweep is paused already.");
            return;
        }
        turn.Emit(new SweepPaused(turn.Now));
        WithdrawAll(turn);
        foreach (var number in turn.State.Running) Yield(turn, number, Paused);
    }

    private static void Resume(SweepTurn turn)
    {
        switch (turn.State.Phase)
        {
            case SweepPhase.Paused: turn.Emit(new SweepResumed(turn.Now)); break;
            case SweepPhase.Running: turn.Note("The sweep is running already."); break;
            case SweepPhase.Finished: turn.Note("The sweep is finished: nothing is left to run."); break;
            default: turn.Refuse("The sweep is cancelled. `sweep repair` takes it up again."); break;
        }
    }

    private static void Cancel(SweepTurn turn)
    {
        if (turn.State.IsOver)
        {
            turn.Note($"The sweep is {Word(turn.State.Phase)} already.");
            return;
        }
        turn.Emit(new SweepCancelled(turn.Now));
        WithdrawAll(turn);
        foreach (var number in turn.State.Open) CancelTrial(turn, number, "The sweep was cancelled.");
    }

    private static void RetryAll(SweepTurn turn)
    {
        if (turn.State.Phase == SweepPhase.Cancelled)
        {
            turn.Note("The sweep is cancelled. `sweep repair` takes it up again.");
            return;
        }
        Reopen(turn, TrialPhase.Failed);
    }

    private static void Repair(SweepTurn turn)
    {
        var wasCancelled = turn.State.Phase == SweepPhase.Cancelled;
        var reopened = Reopen(turn, TrialPhase.Failed, TrialPhase.Cancelled);
        if (wasCancelled && turn.State.Phase == SweepPhase.Cancelled) turn.Emit(new SweepResumed(turn.Now));     // trials that were never made
        if (reopened == 0 && !wasCancelled) turn.Note("Nothing is missing and nothing has failed.");
    }

    /// <summary>Looks at every trial: a person asked for it.</summary>
    private static int Reopen(SweepTurn turn, params ReadOnlySpan<TrialPhase> phases)
    {
        var reopened = 0;
        for (var number = 0; number < turn.State.Trials.Count; number++)
        {
            if (!phases.Contains(turn.State.Trials.PhaseOf(number))) continue;
            turn.Emit(new TrialReopened(number, turn.Now));
            reopened++;
        }
        ResumeIfOver(turn);
        return reopened;
    }

    private static void RetryOne(SweepTurn turn, int number)
    {
        if (!IsKnown(turn, number)) return;
        if (turn[number].IsOpen) turn.Note($"Trial {number} has not ended.");
        else if (turn[number].Phase == TrialPhase.Finished) turn.Refuse($"Trial {number} is finished: there is nothing to retry. `sweep extend --epochs` trains longer.");
        else if (turn.State.Phase == SweepPhase.Cancelled) turn.Refuse("The sweep is cancelled. `sweep repair` takes it up again, with every trial that has no result.");
        else
        {
            turn.Emit(new TrialReopened(number, turn.Now));
            ResumeIfOver(turn);
        }
    }

    private static void Kill(SweepTurn turn, int number)
    {
        if (!IsKnown(turn, number)) return;
        if (!turn[number].IsOpen)
        {
            turn.Note($"Trial {number} is {Word(turn[number].Phase)} already.");
            return;
        }
        Withdraw(turn, number);
        CancelTrial(turn, number, "The trial was killed.");
    }

    private static void Extend(SweepTurn turn, ExtendSweep extend)
    {
        var (state, plan) = (turn.State, turn.State.Plan!);
        if (extend is { Epochs: <= 0, Trials: <= 0 }) turn.Refuse("Say to how many epochs or how many trials in all the sweep is extended.");
        else if (state.Phase == SweepPhase.Cancelled) turn.Refuse("The sweep is cancelled. `sweep repair` takes it up again; extend it then.");
        else if (extend.Trials > 0 && Extension.WhyNot(plan, extend.Trials) is { } problem) turn.Refuse(problem);
        else if (extend.Epochs > 0 && extend.Epochs < state.Stages.LastOrDefault()) turn.Refuse($"The sweep is extended to {state.Stages[^1]} epochs already; say how many in all, at least that.");
        else if (extend.Epochs > 0 && state.Trials.Count > 0 && state.Trials.All(trial => trial.Spec.Train.Epochs > extend.Epochs))
            turn.Refuse($"Every trial is trained for more than {extend.Epochs} epochs already; say how many in all.");
        else
        {
            var epochs = extend.Epochs > state.Stages.LastOrDefault() ? extend.Epochs : 0;
            var trials = extend.Trials > plan.Search.Trials ? extend.Trials : 0;
            if (epochs == 0 && trials == 0)
            {
                turn.Note("The sweep is extended so far already.");
                return;
            }
            turn.Emit(new SweepExtended(epochs, trials, turn.Now));
            for (var number = 0; epochs > 0 && number < state.Trials.Count; number++) GoOnToNextStage(turn, number);
            if (epochs > 0) foreach (var note in Extension.Consequences(turn.State)) turn.Note(note);
            ResumeIfOver(turn);
        }
    }

    /// <summary>A finished trial goes on where the sweep was extended beyond its epochs; one that stopped early, by patience, has no use for more.</summary>
    private static void GoOnToNextStage(SweepTurn turn, int number)
    {
        if (turn.State.Stages.IsEmpty || turn.State.Trials.PhaseOf(number) != TrialPhase.Finished) return;
        var trial = turn[number];
        if (trial.Epochs.Count < trial.Spec.Train.Epochs) return;
        var next = turn.State.Stages.Find(stage => stage > trial.Spec.Train.Epochs);
        if (next > 0) turn.Emit(new TrialExtended(number, next, turn.Now));
    }

    private static void Prioritise(SweepTurn turn, int priority)
    {
        if (priority is < SetPriority.Lowest or > SetPriority.Highest)
        {
            turn.Refuse($"A priority is {SetPriority.Lowest} … {SetPriority.Highest}, not {priority}.");
            return;
        }
        if (priority == turn.State.Priority)
        {
            turn.Note($"The sweep's priority is {priority} already.");
            return;
        }
        turn.Emit(new PriorityChanged(priority, turn.Now));
        turn.Do(new SetSweepPriority(turn.State.Id, priority));
    }

    /// <summary>There is work again.</summary>
    private static void ResumeIfOver(SweepTurn turn)
    {
        var hasWork = !turn.State.Open.IsEmpty || turn.State.Trials.Count < turn.State.Plan!.Search.Trials;
        if (turn.State.IsOver && hasWork) turn.Emit(new SweepResumed(turn.Now));
    }

    private static void CancelTrial(SweepTurn turn, int number, string cause)
    {
        if (turn[number].Phase == TrialPhase.Running) EndAttempt(turn, number, RankEnd.Stopped, "", "", [], cause);
        turn.Emit(new TrialCancelled(number, turn.Now));
    }

    private static bool IsKnown(SweepTurn turn, int number)
    {
        var count = turn.State.Trials.Count;
        if (number >= 0 && number < count) return true;
        turn.Refuse(count == 0 ? "The sweep has no trial yet." : $"The sweep has no trial {number}; there is 0 … {count - 1}.");
        return false;
    }

    private static string Word<T>(T phase) where T : struct, Enum => phase.ToString().ToLowerInvariant();
}
