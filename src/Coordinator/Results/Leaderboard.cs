using Volley.Shared.Config;
using Volley.Shared.Results;

namespace Volley.Coordinator.Results;

/// <summary>Trials in order of the first objective, ties by number; with several objectives the Pareto front is marked.</summary>
/// <remarks>A trial without a value (failed, stopped, not a number) comes last and has no rank.</remarks>
internal sealed class Leaderboard
{
    private Leaderboard(SweepResults results, IReadOnlyList<LeaderboardRow> rows) => (Results, Rows) = (results, rows);

    public SweepResults Results { get; }
    public IReadOnlyList<LeaderboardRow> Rows { get; }

    public LeaderboardRow? Best => Rows.Count > 0 && Rows[0].Rank == 1 ? Rows[0] : null;

    public static Leaderboard Of(SweepResults results)
    {
        var first = results.Objectives[0];
        var ordered = results.Trials
            .OrderBy(trial => Loss(trial, first) is null)
            .ThenBy(trial => Loss(trial, first))
            .ThenBy(trial => trial.Number)
            .ToList();
        IReadOnlySet<int> front = results.Objectives.Count > 1 ? Front(results.Trials, results.Objectives) : new HashSet<int>();
        var rows = ordered.Select((trial, index) =>
            new LeaderboardRow(Loss(trial, first) is null ? null : index + 1, trial, front.Contains(trial.Number)));
        return new Leaderboard(results, [.. rows]);
    }

    /// <summary>Numbers of the trials that no other trial beats in one objective without losing in another.</summary>
    public static IReadOnlySet<int> Front(IEnumerable<TrialResult> trials, IReadOnlyList<ObjectiveSpec> objectives)
    {
        var points = trials
            .Select(trial => (trial.Number, Losses: objectives.Select(objective => Loss(trial, objective)).ToArray()))
            .Where(point => point.Losses.All(loss => loss is not null))
            .Select(point => (point.Number, Losses: point.Losses.Select(loss => loss!.Value).ToArray()))
            .ToList();
        return points.Where(point => !points.Any(other => Dominates(other.Losses, point.Losses))).Select(point => point.Number).ToHashSet();
    }

    private static bool Dominates(double[] left, double[] right)
    {
        var isBetter = false;
        for (var i = 0; i < left.Length; i++)
        {
            if (left[i] > right[i]) return false;
            isBetter |= left[i] < right[i];
        }
        return isBetter;
    }

    /// <summary>Less is better, whatever the goal; null: nothing to compare.</summary>
    private static double? Loss(TrialResult trial, ObjectiveSpec objective) =>
        trial.IsFinished && trial.Find(objective.Metric) is { } value && !double.IsNaN(value) ? (objective.IsMaximized ? -value : value) : null;
}

/// <param name="Rank">From 1; null: without a value.</param>
/// <param name="IsOnFront">Pareto-optimal; only with several objectives.</param>
internal sealed record LeaderboardRow(int? Rank, TrialResult Trial, bool IsOnFront);
