using System.Collections.Immutable;
using Volley.Coordinator.Sweeps;
using Volley.Shared.Config;

namespace Volley.Coordinator.Checkpoints;

/// <summary>Which committed checkpoints a trial no longer needs: all but the newest <c>keep_last</c> and the best <c>keep_best</c>.</summary>
internal static class Retention
{
    /// <param name="checkpoints">Oldest first.</param>
    /// <returns>Oldest first. Never the newest one: the next attempt starts from it.</returns>
    public static IEnumerable<CommittedCheckpoint> ToRetire(IReadOnlyList<CommittedCheckpoint> checkpoints, CheckpointSpec spec, ObjectiveSpec objective)
    {
        var newest = checkpoints.Skip(Math.Max(0, checkpoints.Count - Math.Max(1, spec.KeepLast)));
        var sign = objective.Goal == "minimize" ? -1 : 1;
        var best = checkpoints
            .Where(checkpoint => checkpoint.ObjectiveValue is { } value && !double.IsNaN(value))
            .OrderByDescending(checkpoint => sign * checkpoint.ObjectiveValue!.Value)
            .ThenBy(checkpoint => checkpoint.Step)          // of equals the earlier one, as the trainer's best epoch
            .Take(spec.KeepBest);
        var kept = newest.Concat(best).ToImmutableHashSet();
        return checkpoints.Where(checkpoint => !kept.Contains(checkpoint));
    }
}
