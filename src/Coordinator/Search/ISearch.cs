using Volley.Shared.Config;

namespace Volley.Coordinator.Search;

/// <summary>Which configuration next: a pure function of the trial's number and of the results it may see.</summary>
/// <remarks>
/// No state, clock or generator of its own: what is random belongs to (seed, trial number), what is learnt comes in with
/// the results it is shown. So a restarted coordinator that replays its journal suggests the same, and a snapshot is
/// <see cref="SearchState"/> and nothing else.
/// </remarks>
public interface ISearch
{
    /// <summary>As in the file: <c>grid</c>, <c>random</c>.</summary>
    string Algorithm { get; }

    /// <summary>Trials there will be.</summary>
    int Trials { get; }

    /// <summary>Suggestions depend on results; those of others can be made at any time and in any order.</summary>
    bool UsesResults { get; }

    /// <param name="trial">From 0.</param>
    /// <param name="seen">Results of finished trials in the order of <c>search.order</c>.</param>
    /// <returns>null: there are no more trials.</returns>
    Assignment? Suggest(int trial, IReadOnlyList<TrialObservation> seen);
}

/// <summary>How a suggested trial did.</summary>
/// <param name="Value">The first objective, larger is better whatever its goal (normalised where it enters); null: the trial failed or measured nothing.</param>
public sealed record TrialObservation(int Trial, Assignment Assignment, double? Value)
{
    /// <summary>Turns the objective's direction once, at the edge; NaN is no value.</summary>
    public static TrialObservation Of(int trial, Assignment assignment, ObjectiveSpec objective, double? value) =>
        new(trial, assignment, value is { } number && !double.IsNaN(number) ? (objective.IsMaximized ? number : -number) : null);
}
