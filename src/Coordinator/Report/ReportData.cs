using Volley.Coordinator.Results;
using Volley.Shared.Results;

namespace Volley.Coordinator.Report;

/// <summary>What every section of the report needs: results in order, models with their places in the legend, the metrics that are shown.</summary>
internal sealed class ReportData
{
    // In this order: what a classifier is judged by on images it has never seen.
    private static readonly string[] Qualities = ["test_accuracy", "test_map", "test_f1"];

    public ReportData(SweepResults results)
    {
        (Results, Board) = (results, Leaderboard.Of(results));
        Models = [.. results.Trials.Select(trial => trial.Model).Distinct()];
        Objective = results.Objectives[0].Metric;
        Finished = [.. Board.Rows.Where(row => row.Rank is not null).Select(row => row.Trial)];
        Quality = Qualities.FirstOrDefault(metric => Finished.Any(trial => trial.Find(metric) is not null)) ?? Objective;
    }

    public SweepResults Results { get; }
    public Leaderboard Board { get; }

    /// <summary>In the order of their first trial; the index is colour and shape.</summary>
    public IReadOnlyList<string> Models { get; }

    /// <summary>With a value, best first.</summary>
    public IReadOnlyList<TrialResult> Finished { get; }

    /// <summary>What the search went by.</summary>
    public string Objective { get; }

    /// <summary>What models are compared by: on the test part where there is one.</summary>
    public string Quality { get; }

    /// <summary>The best trial of each model by the objective, best first.</summary>
    public IEnumerable<TrialResult> BestOfEachModel => Finished.DistinctBy(trial => trial.Model);

    public int ModelOf(TrialResult trial)
    {
        for (var i = 0; i < Models.Count; i++)
            if (Models[i] == trial.Model) return i;
        throw new InvalidOperationException($"Trial {trial.Number} has model {trial.Model}, which is not among the report's.");
    }

    /// <summary>Several lines for a pointer: which trial, what it chose, what it reached.</summary>
    public string TipOf(TrialResult trial, params string[] metrics)
    {
        var chosen = LeaderboardTable.HyperparametersOf(trial);
        var lines = metrics.Append(Quality).Append(Objective).Distinct()
            .Where(metric => trial.Find(metric) is not null)
            .Select(metric => $"{MetricText.Label(metric)}: {MetricText.Of(metric, trial.Find(metric))}");
        return string.Join('\n', lines.Prepend($"{trial.Model} · trial {trial.Number}{(chosen.Length > 0 ? "\n" + chosen : "")}"));
    }
}
