using Volley.Coordinator.Placement;
using Volley.Coordinator.Sweeps;

namespace Volley.Coordinator.Http;

/// <summary>State of a sweep → views. Costs what it shows, and what is open.</summary>
internal static class SweepViewFactory
{
    /// <param name="changedSince">Show trials that changed after this version; null: none.</param>
    /// <param name="limit">At most so many of them.</param>
    public static SweepView Of(SweepState state, long? changedSince, int limit, Inventory inventory, DateTimeOffset now)
    {
        var (changed, hasMore) = changedSince is { } since ? Paging.Take(state.Trials.ChangedSince(since).Select(number => state.Trials[number]), limit) : ([], false);
        return new SweepView
        {
            Id = state.Id.Value,
            State = Word(state.Phase),
            Priority = state.Priority,
            Term = state.Term,
            Version = hasMore ? changed[^1].Version : state.Version,
            FileName = state.Submission?.FileName ?? "",
            SubmittedAt = state.AcceptedAt,
            EndedAt = state.EndedAt,
            Trials = state.Trials.Count,
            TrialsPlanned = state.Plan?.Search.Trials,
            Waiting = state.Open.Count - state.Running.Count,
            Running = state.Running.Count,
            Finished = state.Trials.Finished,
            Failed = state.Trials.Failed,
            Cancelled = state.Trials.Cancelled,
            Deletions = state.WithDeletions.Sum(number => state.Trials[number].Retired.Count),
            StaleReports = state.StaleReports,
            Obstacle = inventory.Requests.Values.Where(request => request.Trial.Sweep == state.Id).Select(inventory.CannotEverPlace).FirstOrDefault(reason => reason is not null),
            Active = [.. state.Running.SelectMany(number => ActiveRanks(state.Trials[number], inventory))],
            Changed = changedSince is null ? null : [.. changed.Select(trial => TrialViewFactory.Changed(trial, inventory, now))],
            HasMore = hasMore,
        };
    }

    public static SweepRow Row(SweepState state) => new(
        state.Id.Value, Word(state.Phase), state.Trials.Count, state.Plan?.Search.Trials,
        state.Running.Count, state.Trials.Finished, state.Trials.Failed, state.AcceptedAt, null);

    public static BestView? Best(SweepState state)
    {
        var objective = state.Plan!.Spec.Objective;
        var best = Results.Leaderboard.Of(SweepOutcome.Of(state)).Best?.Trial;
        if (best?.Find(objective.Metric) is not { } value) return null;
        var trial = state.Trials[best.Number];
        return new BestView(
            state.Id.Value, trial.Number, objective.Metric, objective.Goal, value, best.Model, trial.Spec.Seed, trial.Node, trial.Spec.Hyperparameters,
            best.Metrics, best.WeightsSha256, BestCheckpoint(state, trial, objective.IsMaximized));
    }

    private static CheckpointView? BestCheckpoint(SweepState state, TrialState trial, bool isMaximized)
    {
        var best = trial.Checkpoints
            .Where(checkpoint => checkpoint.ObjectiveValue is { } value && !double.IsNaN(value))
            .MaxBy(checkpoint => isMaximized ? checkpoint.ObjectiveValue : -checkpoint.ObjectiveValue) ?? trial.NewestCheckpoint;
        return best is null ? null : TrialViewFactory.Of(best, state, trial.Number);
    }

    private static IEnumerable<ActiveRank> ActiveRanks(TrialState trial, Inventory inventory) =>
        TrialViewFactory.Ranks(trial, inventory).Select(rank => new ActiveRank(trial.Number, trial.Attempt, rank.Rank, rank.Node, rank.AgentPid, rank.Pid));

    public static string Word<T>(T phase) where T : struct, Enum => phase.ToString().ToLowerInvariant();
}
