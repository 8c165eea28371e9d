using System.Numerics;
using Volley.Shared.Config;

namespace Volley.Coordinator.Search;

/// <summary>Every point of a finite space once, in the file's order: the last key changes fastest, options of a choice follow one another.</summary>
public sealed class GridSearch : ISearch
{
    private readonly SearchSpace _space;

    /// <param name="maxTrials">0: the whole grid.</param>
    /// <exception cref="ConfigException">The space has a continuous range.</exception>
    public GridSearch(SearchSpace space, int maxTrials)
    {
        var points = SpacePoints.Count(space)
            ?? throw new ConfigException("search.algorithm", "is grid, which needs values: or int_uniform: everywhere; the space has a uniform or log_uniform.");
        _space = space;
        Trials = (int)BigInteger.Min(points, maxTrials > 0 ? maxTrials : int.MaxValue);
    }

    public string Algorithm => "grid";
    public int Trials { get; }
    public bool UsesResults => false;

    public Assignment? Suggest(int trial, IReadOnlyList<TrialObservation> seen) => trial < Trials ? SpacePoints.At(_space, trial) : null;
}
