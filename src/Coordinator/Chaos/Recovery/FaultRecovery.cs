using System.Collections.Immutable;
using Volley.Coordinator.Chaos.Faults;

namespace Volley.Coordinator.Chaos.Recovery;

/// <summary>A trial that a fault hit, and how it went on.</summary>
/// <param name="LastStep">The last that the hit attempt reported.</param>
/// <param name="WentOnAfter">From the fault to the first step seen afterwards; null: not yet.</param>
/// <param name="AttemptAfter">The same number: its ranks were never replaced.</param>
/// <param name="ResumedFrom">Step of the checkpoint the new attempt started from; null where there was no new one.</param>
internal sealed record AffectedTrial(
    int Trial, int Attempt, long LastStep, TimeSpan? WentOnAfter = null, int? AttemptAfter = null, long? ResumedFrom = null, string NodeAfter = "", string Said = "", bool WasOver = false)
{
    /// <summary>How often it had trouble with checkpoints before the fault.</summary>
    public int ProblemsBefore { get; init; }

    /// <summary>Made before the fault, and once more after it.</summary>
    public long StepsRepeated => ResumedFrom is { } from ? Math.Max(0, LastStep - from) : 0;
}

/// <summary>
/// What became of one fault: pure, fed with what is seen of the cluster. Training has gone on when each trial that it hit has made a step
/// after it, or was over; the coordinator is back when it answers again.
/// </summary>
/// <param name="At">Since the start of the sweep.</param>
/// <param name="HeldUntil">When its hold ended or will end; equal to <paramref name="At"/> where it is not held.</param>
internal sealed record FaultRecovery(PlannedFault Fault, FaultTarget Target, TimeSpan At, TimeSpan HeldUntil, ImmutableArray<AffectedTrial> Affected)
{
    /// <summary>Checkpoints are made every second or so.</summary>
    private static readonly TimeSpan Aftermath = TimeSpan.FromSeconds(2);

    public bool HitsCoordinator => Target.Node == ClusterPicture.Coordinator;

    /// <summary>From the fault to the coordinator's first answer, where it was the target.</summary>
    public TimeSpan? AnswersAfter { get; init; }

    /// <summary>When the cluster was last looked at, for <see cref="IsComplete"/>.</summary>
    private TimeSpan LookedAt { get; init; }

    /// <summary>A full disk stops nobody: what counts is said when the next checkpoint is due.</summary>
    private TimeSpan WatchedUntil => Fault.Kind == FaultKind.DiskFull ? HeldUntil + Aftermath : At;

    public bool IsComplete => Affected.All(trial => trial.WentOnAfter is not null) && (!HitsCoordinator || AnswersAfter is not null) && LookedAt >= WatchedUntil;

    /// <summary>Until the slowest of the trials went on.</summary>
    public TimeSpan? WentOnAfter => Affected.Length > 0 && Affected.All(trial => trial.WentOnAfter is not null) ? Affected.Max(trial => trial.WentOnAfter) : null;

    public long StepsRepeated => Affected.Sum(trial => trial.StepsRepeated);

    public int NewAttempts => Affected.Count(trial => trial.AttemptAfter > trial.Attempt);

    /// <param name="trials">As they were in the moment of the fault.</param>
    public static FaultRecovery Begin(PlannedFault fault, FaultTarget target, TimeSpan at, IEnumerable<TrialMoment> trials) => new(
        fault, target, at, at + fault.Hold,
        [.. trials.Where(trial => trial is { IsOver: false, Nodes.Length: > 0 } && IsHit(fault.Kind, target, trial)).Select(trial => new AffectedTrial(trial.Trial, trial.Attempt, trial.Step) { ProblemsBefore = trial.CheckpointProblems })]);

    public FaultRecovery Take(TimeSpan now, bool isAnswering, IReadOnlyDictionary<int, TrialMoment> trials)
    {
        if (IsComplete) return this;
        var isHeld = now < HeldUntil;
        var next = this with { LookedAt = now };
        // A coordinator that was killed answers no more at once; one that is stopped, when the stop is over.
        if (HitsCoordinator && AnswersAfter is null && isAnswering && !isHeld && now > At) next = next with { AnswersAfter = now - At };
        return !isAnswering ? next : next with { Affected = [.. next.Affected.Select(trial => trials.TryGetValue(trial.Trial, out var moment) ? Take(trial, moment, now, isHeld) : trial)] };
    }

    private AffectedTrial Take(AffectedTrial trial, TrialMoment moment, TimeSpan now, bool isHeld)
    {
        if (moment.CheckpointProblems > trial.ProblemsBefore && moment.CheckpointProblem.Length > 0 && !trial.Said.Contains(moment.CheckpointProblem, StringComparison.Ordinal))
            trial = trial with { Said = $"{trial.Said} {moment.CheckpointProblem}".Trim() };
        if (trial.WentOnAfter is not null) return trial;
        var lastStep = Math.Max(trial.LastStep, moment.Attempts.FirstOrDefault(attempt => attempt.Attempt == trial.Attempt)?.LastStep ?? 0);
        var isOfTheNext = moment.Attempt > trial.Attempt && !trial.Said.Contains(moment.Said, StringComparison.Ordinal);
        var hit = trial with { LastStep = lastStep, Said = isOfTheNext ? $"{moment.Said} {trial.Said}".Trim() : trial.Said };
        if (moment.Attempts.FirstOrDefault(attempt => attempt.Attempt > trial.Attempt && attempt.FirstStep is not null) is { } next)
            return hit with { WentOnAfter = next.FirstStep - At, AttemptAfter = next.Attempt, NodeAfter = next.Node, ResumedFrom = next.StartStep };
        if (moment.IsOver) return hit with { WentOnAfter = now - At, AttemptAfter = moment.Attempt, WasOver = true };
        if (moment.Attempt > trial.Attempt) return hit;
        // What a stopped or killed attempt had under way still arrives: that is no sign of life.
        var info = FaultKinds.Of(Fault.Kind);
        var mayGoOn = !info.NeedsNewAttempt && !(info.StopsTraining && isHeld);
        if (mayGoOn && moment.Step > trial.LastStep) return trial with { WentOnAfter = now - At, AttemptAfter = moment.Attempt };
        return trial with { LastStep = Math.Max(trial.LastStep, moment.Step) };
    }

    private static bool IsHit(FaultKind kind, FaultTarget target, TrialMoment trial) => kind switch
    {
        FaultKind.RankKill or FaultKind.RankPause or FaultKind.CheckpointCorrupt or FaultKind.CheckpointTruncate => trial.Trial == target.Trial,
        FaultKind.AgentKill or FaultKind.AgentTerm or FaultKind.AgentPause or FaultKind.NodePause => trial.Nodes.Contains(target.Node!),
        FaultKind.LinkCut => target.Node == ClusterPicture.Coordinator || trial.Nodes.Contains(target.Node!),
        // Those that nothing should happen to.
        _ => true,
    };
}
