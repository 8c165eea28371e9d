namespace Volley.Shared.Checkpoints;

/// <summary>Which checkpoints of one trial may go: all but the newest <c>keep_last</c> and the best <c>keep_best</c>. Pure.</summary>
public static class CheckpointRetention
{
    /// <param name="complete">Every complete checkpoint of the trial.</param>
    /// <param name="keepLast">At least one is always kept: without it nothing could resume.</param>
    /// <param name="keepBest">Only checkpoints taken right after an evaluation count; of equal ones the older is kept.</param>
    /// <param name="maximize">Whether a larger objective value is better.</param>
    public static IReadOnlyList<CheckpointManifest> Superfluous(
        IReadOnlyCollection<CheckpointManifest> complete, int keepLast, int keepBest, bool maximize)
    {
        var newest = complete.OrderByDescending(c => c.Name).Take(Math.Max(1, keepLast));
        var best = complete.Where(c => c.StepInEpoch == 0 && c.ObjectiveValue is not null)
            .OrderByDescending(c => maximize ? c.ObjectiveValue : -c.ObjectiveValue).ThenBy(c => c.Name).Take(keepBest);
        var kept = newest.Concat(best).Select(c => c.Name).ToHashSet();
        return [.. complete.Where(c => !kept.Contains(c.Name)).OrderBy(c => c.Name)];
    }
}
