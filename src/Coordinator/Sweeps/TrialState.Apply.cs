using System.Collections.Immutable;
using Volley.Shared.Messages;

namespace Volley.Coordinator.Sweeps;

/// <summary>What each event means to a trial.</summary>
internal static class TrialEvents
{
    /// <summary>Epochs after the checkpoint it resumes from are forgotten: they will be reported again, with the same numbers.</summary>
    public static TrialState Apply(this TrialState trial, AttemptStarted started) => trial with
    {
        Phase = TrialPhase.Running,
        Attempt = started.Attempt,
        Members = started.Members,
        Node = started.Members[0].Node.Value,
        Fingerprint = started.Fingerprint ?? trial.Fingerprint,
        Ended = ImmutableDictionary<int, RankEnded>.Empty,
        Epochs = trial.Epochs.RemoveRange(Math.Min(started.ResumeEpoch, trial.Epochs.Count), Math.Max(0, trial.Epochs.Count - started.ResumeEpoch)),
        CommittedNow = started.HasKept ? trial.CommittedNow : [],
        LineageFrom = started.HasKept ? trial.LineageFrom : started.Attempt,
        Broken = null,
        CheckpointProblemsNow = 0,
        StartedAt = trial.StartedAt ?? started.At,
        AttemptStartedAt = started.At,
        Live = TrialLive.Nothing,
    };

    public static TrialState Apply(this TrialState trial, GroupBroken broken) => trial with
    {
        Members = trial.Members.RemoveAll(member => broken.Lost.Contains(member.Rank)),
        Ended = ImmutableDictionary<int, RankEnded>.Empty,
        Broken = trial.Broken is { } first ? broken with { At = first.At, LastStep = first.LastStep is null ? broken.LastStep : Math.Max(first.LastStep.Value, broken.LastStep ?? 0) } : broken,
        Live = trial.Live with
        {
            Pids = trial.Live.Pids.RemoveRange(broken.Lost),
            Listening = ImmutableSortedDictionary<int, GroupAddress>.Empty,
            IsGroupTold = false,
            Waiting = trial.Live.Waiting.RemoveRange(broken.Lost),
        },
    };

    public static TrialState Apply(this TrialState trial, RankListens listens) => trial with
    {
        Live = trial.Live with { Listening = trial.Live.Listening.SetItem(listens.Address.Rank, listens.Address), IsGroupTold = false, Waiting = trial.Live.Waiting.Remove(listens.Address.Rank) },
    };

    public static TrialState Apply(this TrialState trial, RankWaits waits) => trial with
    {
        Live = trial.Live with { Waiting = trial.Live.Waiting.SetItem(waits.Report.Rank, waits) },
    };

    /// <summary>
    /// An epoch that is reported again (the attempt fell back to an older checkpoint) takes its old place. Later ones stay: another
    /// attempt may be able to read the checkpoint that this one could not, and then nobody would report them again.
    /// </summary>
    public static TrialState Apply(this TrialState trial, EpochReported reported)
    {
        var (index, epoch) = (reported.Metrics.Epoch - 1, new ReportedEpoch(reported.Attempt, reported.Metrics));
        return trial with { Epochs = index < trial.Epochs.Count ? trial.Epochs.SetItem(index, epoch) : trial.Epochs.Add(epoch) };
    }

    public static TrialState Apply(this TrialState trial, CheckpointCommitted committed) => trial with
    {
        // Reports may pass each other: the order is that of the steps, not of the commits.
        Checkpoints = trial.Checkpoints.Insert(trial.Checkpoints.FindLastIndex(known => known.Step < committed.Checkpoint.Step) + 1, committed.Checkpoint),
        CommittedNow = trial.CommittedNow.Add(committed.Checkpoint.RelativePath),
        LossesInARow = 0,
        CheckpointProblem = committed.Warning ?? "",
        Live = trial.Live with { Copies = trial.Live.Copies.Remove(committed.Checkpoint.RelativePath) },
    };

    public static TrialState Apply(this TrialState trial, CheckpointHeld held) => trial with
    {
        Checkpoints = trial.Checkpoints.ConvertAll(known => known.RelativePath == held.RelativePath ? known with { Holders = known.Holders?.Add(held.Node) } : known),
    };

    public static TrialState Apply(this TrialState trial, CheckpointProblemSeen seen) => trial with
    {
        CheckpointProblem = seen.Problem,
        CheckpointProblems = trial.CheckpointProblems + seen.Count - trial.CheckpointProblemsNow,
        CheckpointProblemsNow = seen.Count,
    };

    public static TrialState Apply(this TrialState trial, CheckpointRetired retired) => trial with
    {
        Checkpoints = trial.Checkpoints.RemoveAll(checkpoint => checkpoint.RelativePath == retired.RelativePath),
        Retired = trial.Retired.SetItem(retired.RelativePath, trial.Checkpoints.Find(checkpoint => checkpoint.RelativePath == retired.RelativePath)?.Holders ?? []),
    };

    public static TrialState Apply(this TrialState trial, CheckpointRemoved removed)
    {
        var left = removed.Node is { } node && trial.Retired.TryGetValue(removed.RelativePath, out var holders) ? holders.Remove(node) : [];
        return trial with { Retired = left.IsEmpty ? trial.Retired.Remove(removed.RelativePath) : trial.Retired.SetItem(removed.RelativePath, left) };
    }

    /// <summary>Its outcome of the stage before stays until the next one's replaces it.</summary>
    public static TrialState Apply(this TrialState trial, TrialExtended extended) => trial with
    {
        Phase = TrialPhase.Waiting,
        Spec = trial.Spec with { Train = trial.Spec.Train with { Epochs = extended.Epochs } },
        EndedAt = null,
    };

    public static TrialState Apply(this TrialState trial, AttemptEnded ended) => trial with
    {
        Phase = TrialPhase.Waiting,
        Members = [],
        Broken = null,
        CommittedNow = ended.Kept is null ? [] : trial.CommittedNow,
        Ended = ImmutableDictionary<int, RankEnded>.Empty,
        Failures = trial.Failures + (ended.End == RankEnd.Failed ? 1 : 0),
        // A group that trained and goes on where it was has lost nothing.
        LossesInARow = ended.End != RankEnd.Lost ? trial.LossesInARow : ended.Kept is not null && ended.LastStep > ended.StartStep ? 0 : trial.LossesInARow + 1,
        Error = ended.Error.Length > 0 ? ended.Error : trial.Error,
        FailedOn = ended.End == RankEnd.Failed ? ended.Node : trial.FailedOn,
        LastLogLines = ended.LastLogLines.IsEmpty ? trial.LastLogLines : ended.LastLogLines,
        PastAttempts = trial.PastAttempts.Skip(trial.PastAttempts.Count - PastAttempt.MostKept + 1).ToImmutableList().Add(new PastAttempt(
            ended.Attempt, trial.Node, trial.AttemptStartedAt ?? ended.At, ended.FirstStepAt, ended.StartStep, ended.LastStep,
            PastAttempt.Repeated(trial.FurthestStep, ended.StartStep, ended.LastStep), ended.At, ended.End)),
        FurthestStep = Math.Max(trial.FurthestStep, ended.LastStep ?? 0),
        ActiveTime = trial.ActiveTime + (ended.At - (trial.AttemptStartedAt ?? ended.At)),
        AttemptStartedAt = null,
        Live = TrialLive.Nothing,
    };
}
