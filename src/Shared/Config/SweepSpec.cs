namespace Volley.Shared.Config;

/// <summary>A sweep file (DESIGN §7): what is fixed, what is searched, and how.</summary>
public sealed record SweepSpec
{
    public required string Name { get; init; }
    public ulong Seed { get; init; }
    public ObjectiveSpec Objective { get; init; } = new();
    public SearchSpec Search { get; init; } = new();
    public TrialSchedulerSpec TrialScheduler { get; init; } = new();
    public ResourcesSpec Resources { get; init; } = new();
    public CheckpointSpec Checkpoint { get; init; } = new();

    /// <summary>The tree under <c>train:</c>; its leaves are values or distributions.</summary>
    public required SearchSpace Space { get; init; }
}

public sealed record SearchSpec
{
    /// <summary>grid | random (sobol and tpe are named by the design and refused until they exist).</summary>
    public string Algorithm { get; init; } = "random";

    /// <summary>0: grid takes the whole grid; random needs a number.</summary>
    public int MaxTrials { get; init; }

    /// <summary>trial | arrival: whether results are observed in trial order (DESIGN §4).</summary>
    public string Order { get; init; } = "trial";
}

public sealed record TrialSchedulerSpec
{
    /// <summary>none (median, asha, hyperband, bohb and pbt are named by the design and refused until they exist).</summary>
    public string Type { get; init; } = "none";
    public int MinEpochs { get; init; } = 1;
    public int ReductionFactor { get; init; } = 3;
}
