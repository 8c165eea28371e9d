namespace Volley.Shared.Config;

/// <summary>One trial, resolved: everything a rank process needs, and all that decides its numbers.</summary>
public sealed record TrialSpec
{
    public required int Number { get; init; }

    /// <summary>Stable hash of (sweep seed, trial number): DESIGN §4.</summary>
    public required ulong Seed { get; init; }

    /// <summary>
    /// The sweep's seed: decides which images are validation and which a limit keeps, so that all trials of a sweep are compared on the
    /// same images. Order and augmentation follow <see cref="Seed"/>.
    /// </summary>
    public ulong DataSeed { get; init; }

    public required TrainingSpec Train { get; init; }
    public ResourcesSpec Resources { get; init; } = new();
    public CheckpointSpec Checkpoint { get; init; } = new();
    public ObjectiveSpec Objective { get; init; } = new();
}

public sealed record ResourcesSpec
{
    /// <summary>S, the number of logical shards of the global batch, and of ranks at full strength (DESIGN §4).</summary>
    public int Ranks { get; init; } = 1;
    public int MinRanks { get; init; } = 1;

    /// <summary>libtorch threads of one rank. Part of the numbers: another count gives other last bits.</summary>
    public int ThreadsPerRank { get; init; } = 1;

    /// <summary>auto | cpu | cuda.</summary>
    public string Device { get; init; } = "auto";

    /// <summary>Trials at once; 0: as many as there are slots.</summary>
    public int MaxConcurrent { get; init; }

    /// <summary>Failures of the trial itself (exception, NaN, out of memory) before it is given up; lost machines do not count.</summary>
    public int MaxFailures { get; init; } = 3;
}

public sealed record CheckpointSpec
{
    public int EveryEpochs { get; init; } = 1;

    /// <summary>Also every so many steps; 0: only at epochs' ends.</summary>
    public int EverySteps { get; init; }
    public int KeepLast { get; init; } = 2;
    public int KeepBest { get; init; } = 1;

    /// <summary>dir | node.</summary>
    public string Store { get; init; } = "dir";
}

public sealed record ObjectiveSpec
{
    /// <summary>val_accuracy | val_loss | val_top5 | val_map | val_f1 | …</summary>
    public string Metric { get; init; } = "val_accuracy";

    /// <summary>maximize | minimize.</summary>
    public string Goal { get; init; } = "maximize";
}
