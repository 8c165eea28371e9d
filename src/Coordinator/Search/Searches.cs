using Volley.Shared.Config;

namespace Volley.Coordinator.Search;

/// <summary>Algorithms by the name they have in a file: the only switch over them.</summary>
public static class Searches
{
    // Every trial is resolved before the first one runs, so that no rule is broken in the middle of the night. Above this many,
    // checking would be noticed (about 0.1 ms a trial) and the file's reader has tried the combinations anyway.
    private const int TrialsResolvedAhead = 10_000;

    public static ISearch Create(SweepSpec sweep) => sweep.Search.Algorithm switch
    {
        "grid" => new GridSearch(sweep.Space, sweep.Search.MaxTrials),
        // max_trials is 0 only where there is nothing to search: one trial.
        "random" => new RandomSearch(sweep.Space, sweep.Seed, Math.Max(1, sweep.Search.MaxTrials)),
        var other => throw new ConfigException("search.algorithm", $"is \"{other}\", which this version does not have; there is grid, random."),
    };

    /// <summary>The search of a sweep, after every trial that it will suggest without results has been resolved once.</summary>
    /// <exception cref="ConfigException">A suggested trial breaks a rule; the message names it with its hyperparameters.</exception>
    public static ISearch CreateChecked(SweepSpec sweep)
    {
        var search = Create(sweep);
        RequireResolvable(sweep, search, 0);
        return search;
    }

    /// <summary>Resolves the trials from <paramref name="first"/> on that can be suggested without results.</summary>
    /// <exception cref="ConfigException">A suggested trial breaks a rule; the message names it with its hyperparameters.</exception>
    public static void RequireResolvable(SweepSpec sweep, ISearch search, int first)
    {
        if (search.UsesResults) return;
        for (var trial = first; trial < Math.Min(search.Trials, first + TrialsResolvedAhead); trial++)
        {
            if (search.Suggest(trial, []) is not { } assignment) break;
            try
            {
                TrialResolver.Resolve(sweep, trial, assignment);
            }
            catch (ConfigException e)
            {
                throw new ConfigException([.. e.Problems.Select(problem => problem with { Message = $"{problem.Message} (in trial {trial}: {assignment})" })]);
            }
        }
    }
}
