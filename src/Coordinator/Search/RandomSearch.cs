using Volley.Shared.Config;

namespace Volley.Coordinator.Search;

/// <summary>Independent draws (Bergstra and Bengio 2012): trial n is drawn from (seed, n), whatever was drawn before.</summary>
/// <remarks>A small discrete space is drawn with repetition, as the paper does; grid visits each point once.</remarks>
public sealed class RandomSearch : ISearch
{
    private readonly SearchSpace _space;
    private readonly ulong _seed;

    /// <exception cref="ConfigException">No number of trials.</exception>
    public RandomSearch(SearchSpace space, ulong seed, int maxTrials)
    {
        if (maxTrials < 1) throw new ConfigException("search.max_trials", $"is {maxTrials}, must be at least 1 for random search: it has no end of its own.");
        (_space, _seed, Trials) = (space, seed, maxTrials);
    }

    public string Algorithm => "random";
    public int Trials { get; }
    public bool UsesResults => false;

    public Assignment? Suggest(int trial, IReadOnlyList<TrialObservation> seen) => trial < Trials ? SpacePoints.Sample(_space, _seed, trial) : null;
}
