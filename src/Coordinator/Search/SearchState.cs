using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Volley.Shared.Config;

namespace Volley.Coordinator.Search;

/// <summary>Where a search is: how many trials it has suggested and which results have come back. JSON of it is a snapshot.</summary>
/// <remarks>
/// <c>search.order: trial</c>. Trials that run side by side finish in any order, and an algorithm that learns would then suggest other
/// configurations in every run. So trial n may see the results of trials 0 … n − W and no others, and waits until those are there; W, the
/// window, is how many trials can be under way at once. It is fixed for a sweep: a run on more or fewer machines suggests the same.
/// <c>search.order: arrival</c> shows whatever has arrived, and is as reproducible as the arrival is.
/// </remarks>
public sealed record SearchState
{
    /// <summary>Trials suggested so far: the next one's number.</summary>
    public int Suggested { get; init; }

    /// <summary>Results kept for the search, in the order of their arrival.</summary>
    public ImmutableList<TrialObservation> Observed { get; init; } = [];

    /// <summary>Trials 0 … Complete − 1 have all been observed.</summary>
    public int Complete { get; init; }

    /// <summary>Observed trials beyond <see cref="Complete"/>.</summary>
    public ImmutableSortedSet<int> Ahead { get; init; } = [];

    [JsonIgnore]
    public static SearchState Initial { get; } = new();

    /// <summary>A trial has ended. A second delivery changes nothing; algorithms that do not learn keep nothing.</summary>
    public SearchState Observe(ISearch search, TrialObservation observation)
    {
        if (!search.UsesResults || observation.Trial < Complete || Ahead.Contains(observation.Trial)) return this;
        var (complete, ahead) = (Complete, Ahead.Add(observation.Trial));
        while (ahead.Contains(complete)) ahead = ahead.Remove(complete++);
        return this with { Observed = Observed.Add(observation), Complete = complete, Ahead = ahead };
    }

    /// <param name="window">W: at least 1.</param>
    /// <returns>The next configuration with the state that has suggested it; or why there is none now.</returns>
    public SearchAnswer Next(ISearch search, SearchSpec spec, int window)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(window, 1);
        if (Suggested >= search.Trials) return new SearchAnswer.Exhausted();
        var inTrialOrder = spec.Order == "trial";
        var visible = Math.Max(0, Suggested - window + 1);
        if (search.UsesResults && inTrialOrder && Complete < visible) return new SearchAnswer.Wait(Complete);
        IReadOnlyList<TrialObservation> seen = !search.UsesResults ? []
            : inTrialOrder ? [.. Observed.Where(observation => observation.Trial < visible).OrderBy(observation => observation.Trial)]
            : Observed;
        return search.Suggest(Suggested, seen) is { } assignment
            ? new SearchAnswer.Suggest(Suggested, assignment, this with { Suggested = Suggested + 1 })
            : new SearchAnswer.Exhausted();
    }
}

/// <summary>What a search says when it is asked for the next trial.</summary>
public abstract record SearchAnswer
{
    private SearchAnswer() { }

    /// <param name="State">What holds once the trial is created.</param>
    public sealed record Suggest(int Trial, Assignment Assignment, SearchState State) : SearchAnswer;

    /// <param name="ForTrial">The first trial whose result is missing.</param>
    public sealed record Wait(int ForTrial) : SearchAnswer;

    public sealed record Exhausted : SearchAnswer;
}
