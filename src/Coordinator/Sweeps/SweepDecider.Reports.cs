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
            case var _ when !isCurrent && IsOfLineage(trial, message.Attempt): ReportOfLineage(turn, trial!, message); break;
            case var _ when !isCurrent:
                turn.Emit(new StaleReportDropped());
                turn.Answer(new AttemptIsStale(turn.State.Term, message.Trial, message.Attempt));
                break;
            case RankReady ready: Ready(turn, trial!, ready); break;
            case RankWaiting waiting: Waits(turn, trial!, waiting); break;
            case RankStarted started when trial!.MemberOf(started.Rank)?.Node != started.Node: StopStray(turn, started, started.Rank); break;
            case RankStarted started:
                if (trial!.Live.Pids.GetValueOrDefault(started.Rank, -1) != started.Pid && !trial.Ended.ContainsKey(started.Rank))
                    turn.Emit(new RankConfirmed(trial.Number, started.Attempt, started.Rank, started.Pid));
                break;
            case var report when IsFromOtherData(turn, trial!, report):
                if (report is RankExited refused) turn.Answer(new RankExitAccepted(refused.Trial, refused.Attempt, refused.Rank));
                break;
            case ProgressReport progress:
                if (trial!.Broken is null && progress.Rank == trial.Members[0].Rank) Progress(turn, trial, progress);
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
        if (!trial.CommittedNow.Contains(report.RelativePath) && WriterOf(trial, report) is { } writer)
        {
            if (NeedsCopy(turn, trial))
            {
                WantCopy(turn, trial, report);
                return;                                                // it comes again, and is accepted when the copy is there
            }
            Commit(turn, trial, report, [writer], null);
        }
        turn.Answer(new CheckpointAccepted(report.Trial, report.Attempt, report.Step));
    }

    /// <param name="holders">Counts where agents keep checkpoints under roots of their own.</param>
    private static void Commit(SweepTurn turn, TrialState trial, CheckpointReport report, ImmutableArray<NodeId> holders, string? warning)
    {
        // An attempt that fell back to an older checkpoint passes the damaged one's step again: its own line replaces the other.
        foreach (var passed in trial.Checkpoints.Where(known => known.Attempt < trial.LineageFrom && known.Step >= report.Step))
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
        var isMember = trial.MemberOf(exit.Rank) is not null && !trial.Ended.ContainsKey(exit.Rank);
        // Its peers may have missed it before its own agent says that the trial has failed.
        if (!isMember && !(trial.Broken is not null && exit.End == RankEnd.Failed)) return;

        if (trial.IsGroup && exit.End == RankEnd.Lost)
        {
            LoseRanks(turn, trial.Number, [exit.Rank], exit.Error, exit.Node.Value, exit.LastLogLines, exit: exit);
            return;
        }
        if (trial.IsGroup && exit.End == RankEnd.Stopped && trial.Live.StopCause is null)
        {
            LoseRanks(turn, trial.Number, [exit.Rank], $"The agent of {exit.Node} stopped it.", exit.Node.Value, [], $"The agent of {exit.Node} stopped it.", exit);
            return;
        }
        if (exit.End is RankEnd.Finished or RankEnd.Stopped)
        {
            turn.Emit(new RankEnded(trial.Number, trial.Attempt, exit.Rank, exit.End, exit.Outcome, turn.Now));
            if (turn[trial.Number].Ended.Count == trial.Members.Length) Complete(turn, turn[trial.Number], exit);
            return;
        }

        EndAttempt(turn, trial.Number, exit.End, exit.Error, exit.Node.Value, exit.LastLogLines, exit: exit);
        if (exit.End == RankEnd.Lost)
        {
            GiveUpIfLostTooOften(turn, trial.Number, exit.Error);
            return;
        }
        var failedTheSameElsewhere = trial.FailedOn.Length > 0 && trial.FailedOn != exit.Node.Value && trial.Error == exit.Error;
        if (exit.IsUserError || failedTheSameElsewhere || turn[trial.Number].Failures >= Math.Max(1, trial.Spec.Resources.MaxFailures))
            turn.Emit(new TrialFailed(trial.Number, exit.Error, exit.IsUserError, turn.Now));
    }

    private static void GiveUpIfLostTooOften(SweepTurn turn, int number, string error)
    {
        var after = turn[number];
        if (after.LossesInARow >= MaxLossesInARow)
            turn.Emit(new TrialFailed(number, $"Its rank was lost {after.LossesInARow} times in a row without a new checkpoint; last: {error}", false, turn.Now));
    }

    /// <summary>Every rank is done: the trial is finished, or was stopped as asked.</summary>
    /// <param name="exit">The last one's; null: it was lost with its machine.</param>
    private static void Complete(SweepTurn turn, TrialState trial, RankExited? exit)
    {
        // Of the lowest rank that has one: it spoke for the trial.
        var outcome = trial.Ended.Values.OrderBy(ended => ended.Rank).FirstOrDefault(ended => ended.Outcome is not null)?.Outcome;
        if (outcome is not null)
        {
            EndAttempt(turn, trial.Number, RankEnd.Finished, "", "", [], exit: exit);
            turn.Emit(new TrialFinished(trial.Number, trial.Attempt, outcome, turn.Now));
            GoOnToNextStage(turn, trial.Number);
        }
        else if (trial.Live.StopCause is not null || trial.Ended.Values.Any(ended => ended.End == RankEnd.Stopped))
        {
            // Without a cause of ours its agent is leaving.
            EndAttempt(turn, trial.Number, RankEnd.Stopped, "", "", [], trial.Live.StopCause ?? $"The agent of {exit?.Node} stopped it.", exit: exit);
        }
        else if (trial.IsGroup && (trial.Broken is not null || trial.Ended.Values.Any(ended => ended.End == RankEnd.Lost)))
        {
            EndAttempt(turn, trial.Number, RankEnd.Lost, "The rank that speaks for the trial was lost when it was done.", "", [], exit: exit);
        }
        else
        {
            const string missing = "Its ranks say that they finished, without an outcome.";
            EndAttempt(turn, trial.Number, RankEnd.Failed, missing, "", [], exit: exit);
            turn.Emit(new TrialFailed(trial.Number, missing, false, turn.Now));
        }
    }
}
