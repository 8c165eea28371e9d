using Volley.Shared.Messages;

namespace Volley.Coordinator.Sweeps;

/// <summary>What an attempt did, for those who ask what a loss has cost.</summary>
/// <param name="End">Null: it runs.</param>
/// <param name="StartStep">Completed steps when it began; null: not known.</param>
/// <param name="RepeatedSteps">Steps it did that an attempt before it had completed already.</param>
internal sealed record PastAttempt(
    int Attempt, string Node, DateTimeOffset StartedAt, DateTimeOffset? FirstStepAt, long? StartStep, long? LastStep, long RepeatedSteps, DateTimeOffset? EndedAt, RankEnd? End)
{
    /// <summary>A trial that is moved around for weeks must not grow for ever.</summary>
    public const int MostKept = 32;

    public static long Repeated(long furthestBefore, long? startStep, long? lastStep) =>
        startStep is { } start && lastStep is { } last ? Math.Max(0, Math.Min(furthestBefore, last) - start) : 0;

    /// <returns>Those that have ended and the one that runs, oldest first.</returns>
    public static IEnumerable<PastAttempt> AllOf(TrialState trial)
    {
        foreach (var ended in trial.PastAttempts) yield return ended;
        if (trial.Phase != TrialPhase.Running) yield break;
        var (start, last) = (trial.Live.Progress?.StartStep, trial.Live.Progress?.Step);
        yield return new PastAttempt(
            trial.Attempt, trial.Node, trial.AttemptStartedAt ?? DateTimeOffset.MinValue, trial.Live.FirstStepAt, start, last, Repeated(trial.FurthestStep, start, last), null, null);
    }
}
