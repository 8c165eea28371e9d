using System.Collections.Immutable;
using Volley.Shared.Identifiers;

namespace Volley.Shared.Config;

/// <summary>A sweep file (DESIGN §7): what is fixed, what is searched, and how. Made by <see cref="Yaml.SweepFile"/>.</summary>
public sealed record SweepSpec : IChecked
{
    /// <summary><c>[a-z0-9-]{1,63}</c>; where the file has none, its file name.</summary>
    public required string Name { get; init; }
    public ulong Seed { get; init; }

    /// <summary>The first decides what search, patience and the best checkpoint follow; more make the leaderboard mark the Pareto front.</summary>
    [ConfigKey("objective")]
    public IReadOnlyList<ObjectiveSpec> Objectives { get; init; } = [new()];
    public SearchSpec Search { get; init; } = new();
    public TrialSchedulerSpec TrialScheduler { get; init; } = new();
    public ResourcesSpec Resources { get; init; } = new();
    public CheckpointSpec Checkpoint { get; init; } = new();

    /// <summary>The tree under <c>train:</c>; its leaves are values or distributions.</summary>
    [ConfigKey("train")]
    public required SearchSpace Space { get; init; }

    /// <summary>The text this was read from: what is submitted and journaled, and read again to the same specification.</summary>
    public required SweepSource Source { get; init; }

    public ObjectiveSpec Objective => Objectives[0];

    public void Check(ConfigChecks checks)
    {
        checks.Require(SweepId.IsValid(Name), nameof(Name),
            $"is \"{Name}\", must be 1 to 63 lower-case letters, digits and hyphens: it is used in paths and addresses.");
        checks.Require(Objectives.Count > 0, "objective", "is an empty list, must name at least one metric.");
        checks.Require(Objectives.Select(objective => objective.Metric).Distinct().Count() == Objectives.Count, "objective",
            "names a metric twice.");
        // Without a distribution there is one trial, and nothing to search.
        var hasDistributions = Space is not null && SpacePoints.Distributions(Space).Any();
        checks.Require(Search.Algorithm != "random" || Search.MaxTrials > 0 || !hasDistributions, "search.max_trials",
            "is missing, must be at least 1 for random search: it has no end of its own.", "search.algorithm");
    }
}

/// <param name="FileName">As the person gave it; places in errors begin with it.</param>
/// <param name="Overrides"><c>key=value</c>, as given with <c>--set</c>.</param>
public sealed record SweepSource(string FileName, string Text, ImmutableArray<string> Overrides);

public sealed record SearchSpec
{
    /// <summary>grid | random (sobol and tpe are named by the design and refused until they exist).</summary>
    [OneOf("grid", "random", NotYet = ["sobol", "tpe"])]
    public string Algorithm { get; init; } = "random";

    /// <summary>0: grid takes the whole grid; random needs a number.</summary>
    [InRange(0, 1_000_000)]
    public int MaxTrials { get; init; }

    /// <summary>trial | arrival: whether results are observed in trial order (DESIGN §4).</summary>
    [OneOf("trial", "arrival")]
    public string Order { get; init; } = "trial";
}

public sealed record TrialSchedulerSpec
{
    /// <summary>none (median, asha, hyperband, bohb and pbt are named by the design and refused until they exist).</summary>
    [OneOf("none", NotYet = ["median", "asha", "hyperband", "bohb", "pbt"])]
    public string Type { get; init; } = "none";

    [InRange(1, 1_000_000)]
    public int MinEpochs { get; init; } = 1;

    /// <summary>η of Successive Halving: each rung keeps one trial in so many.</summary>
    [InRange(2, 1000)]
    public int ReductionFactor { get; init; } = 3;
}
