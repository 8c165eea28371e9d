using System.Collections.Immutable;
using Volley.Coordinator.Checkpoints;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;

namespace Volley.Coordinator.Sweeps;

/// <summary>What agents report of ranks. A report of anything but the running attempt changes nothing.</summary>
internal static partial class SweepDecider
{
    private static void Report(SweepTurn turn, ITrialProtocol message)
    {
        var trial = turn.State.FindOpen(message.Trial);
        var isCurrent = trial is { Phase: TrialPhase.Running } && trial.Attempt == message.Attempt;
        switch (message)
        {
            case CheckpointDeleted deleted:
                if (deleted.Trial.Sweep == turn.State.Id && turn.State.WithDeletions.Contains(deleted.Trial.Number)) Removed(turn, turn[deleted.Trial.Number], deleted);
                break;
            case CheckpointCopied copied:
                // Late, the trial may have ended: then the copy is of no use, unless it is of a checkpoint that stays.
                if ((trial ?? turn.State.Find(copied.Trial)) is { } known) Copied(turn, known, copied, isCurrent);
                break;
            case RankExited exited when !isCurrent:
                // Over already, or of an attempt that was given up: acknowledged, so that the agent can forget it.
                turn.Answer(new RankExitAccepted(exited.Trial, exited.Attempt, exited.Rank));
                break;
            case var _ when !isCurrent:
                turn.Emit(new StaleReportDropped());
                turn.Answer(new AttemptIsStale(turn.State.Term, message.Trial, message.Attempt));
                break;
            case RankStarted started:
                if (trial!.Live.Pids.GetValueOrDefault(started.Rank, -1) != started.Pid && !trial.Ended.ContainsKey(started.Rank))
                    turn.Emit(new RankConfirmed(trial.Number, started.Attempt, started.Rank, started.Pid));
                break;
            case var report when IsFromOtherData(turn, trial!, report):
                if (report is RankExited refused) turn.Answer(new RankExitAccepted(refused.Trial, refused.Attempt, refused.Rank));
                break;
            case ProgressReport progress:
                if (progress.Rank == 0) Progress(turn, trial!, progress);
                break;
            case EpochReport epoch: Epoch(turn, trial!, epoch); break;
            case CheckpointReport checkpoint: Checkpoint(turn, trial!, checkpoint); break;
            case RankExited exited: Exit(turn, trial!, exited); break;
            default: throw new InvalidOperationException($"{message.GetType().Name} is no report of an agent.");
        }
    }

    private static void Epoch(SweepTurn turn, TrialState trial, EpochReport report)
    {
        var number = report.Metrics.Epoch;
        if (number < 1 || number > trial.Epochs.Count + 1) return;     // one before it is still on its way; it comes again
        var isKnown = number <= trial.Epochs.Count && trial.Epochs[number - 1].Attempt == report.Attempt;
        if (!isKnown) turn.Emit(new EpochReported(trial.Number, report.Attempt, report.Metrics, turn.Now));
        turn.Answer(new EpochAccepted(report.Trial, report.Attempt, number));
    }

    private static void Checkpoint(SweepTurn turn, TrialState trial, CheckpointReport report)
    {
        if (report.Epoch > trial.Epochs.Count) return;                 // the epoch at its end is still on its way; it comes again
        if (!trial.CommittedNow.Contains(report.RelativePath))
        {
            if (NeedsCopy(turn, trial))
            {
                WantCopy(turn, trial, report);
                return;                                                // it comes again, and is accepted when the copy is there
            }
            Commit(turn, trial, report, [WriterOf(trial)], null);
        }
        turn.Answer(new CheckpointAccepted(report.Trial, report.Attempt, report.Step));
    }

    /// <param name="holders">Counts where agents keep checkpoints under roots of their own.</param>
    private static void Commit(SweepTurn turn, TrialState trial, CheckpointReport report, ImmutableArray<NodeId> holders, string? warning)
    {
        // An attempt that fell back to an older checkpoint passes the damaged one's step again: its own line replaces the other.
        foreach (var passed in trial.Checkpoints.Where(known => known.Attempt < report.Attempt && known.Step >= report.Step))
            Retire(turn, trial.Number, passed.RelativePath);
        var checkpoint = new CommittedCheckpoint(report.Attempt, report.Step, report.Epoch, report.RelativePath, report.ManifestSha256, report.ObjectiveValue, report.Bytes)
        {
            Holders = turn.State.Submission!.IsForAnyMachine ? holders : null,
        };
        turn.Emit(new CheckpointCommitted(trial.Number, checkpoint, turn.Now) { Warning = warning });
        var spec = trial.Spec;
        foreach (var unneeded in Retention.ToRetire(turn[trial.Number].Checkpoints, spec.Checkpoint, spec.Objective).ToList())
            Retire(turn, trial.Number, unneeded.RelativePath);
    }

    private static void Progress(SweepTurn turn, TrialState trial, ProgressReport report)
    {
        turn.Emit(new ProgressSeen(trial.Number, report, turn.Now));
        if (report.CheckpointProblems > trial.CheckpointProblemsNow)
            turn.Emit(new CheckpointProblemSeen(trial.Number, report.Attempt, report.CheckpointProblems, report.CheckpointProblem, turn.Now));
    }

    private static void Exit(SweepTurn turn, TrialState trial, RankExited exit)
    {
        turn.Answer(new RankExitAccepted(exit.Trial, exit.Attempt, exit.Rank));
        if (exit.Rank < 0 || exit.Rank >= trial.Members.Length || trial.Ended.ContainsKey(exit.Rank)) return;

        if (exit.End is RankEnd.Finished or RankEnd.Stopped)
        {
            var ended = new RankEnded(trial.Number, trial.Attempt, exit.Rank, exit.End, exit.Outcome, turn.Now);
            if (trial.Ended.Count + 1 < trial.Members.Length) turn.Emit(ended);
            else Complete(turn, trial, ended, exit);
            return;
        }

        EndAttempt(turn, trial.Number, exit.End, exit.Error, exit.Node.Value, exit.LastLogLines, exit: exit);
        var after = turn[trial.Number];
        if (exit.End == RankEnd.Lost)
        {
            if (after.LossesInARow >= MaxLossesInARow)
                turn.Emit(new TrialFailed(trial.Number, $"Its rank was lost {after.LossesInARow} times in a row without a new checkpoint; last: {exit.Error}", false, turn.Now));
            return;
        }
        var failedTheSameElsewhere = trial.FailedOn.Length > 0 && trial.FailedOn != exit.Node.Value && trial.Error == exit.Error;
        if (exit.IsUserError || failedTheSameElsewhere || after.Failures >= Math.Max(1, trial.Spec.Resources.MaxFailures))
            turn.Emit(new TrialFailed(trial.Number, exit.Error, exit.IsUserError, turn.Now));
    }

    /// <summary>Every rank is done in good order: the trial is finished, or was stopped as asked.</summary>
    private static void Complete(SweepTurn turn, TrialState trial, RankEnded last, RankExited exit)
    {
        var all = trial.Ended.SetItem(last.Rank, last);
        var outcome = all.Values.FirstOrDefault(ended => ended.Rank == 0)?.Outcome;
        if (all.Values.Any(ended => ended.End == RankEnd.Stopped))
        {
            // Without a cause of ours its agent is leaving.
            EndAttempt(turn, trial.Number, RankEnd.Stopped, "", "", [], trial.Live.StopCause ?? $"The agent of {trial.Members[last.Rank].Node} stopped it.", exit: exit);
        }
        else if (outcome is null)
        {
            const string missing = "Rank 0 says that it finished, without an outcome.";
            EndAttempt(turn, trial.Number, RankEnd.Failed, missing, "", [], exit: exit);
            turn.Emit(new TrialFailed(trial.Number, missing, false, turn.Now));
        }
        else
        {
            EndAttempt(turn, trial.Number, RankEnd.Finished, "", "", [], exit: exit);
            turn.Emit(new TrialFinished(trial.Number, trial.Attempt, outcome, turn.Now));
            GoOnToNextStage(turn, trial.Number);
        }
    }
}
