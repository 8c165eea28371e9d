using System.Text.Json.Serialization;

namespace Volley.Shared.Config;

/// <summary>One trial, resolved: everything a rank process needs, and all that decides its numbers.</summary>
public sealed record TrialSpec : IChecked
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

    /// <summary>What the search chose, for tables and plots; everything it decided stands in <see cref="Train"/> too.</summary>
    public Assignment Hyperparameters { get; init; } = Assignment.Empty;

    /// <summary>SHA-256 over the canonical JSON of the configuration, wherever its values came from: a checkpoint belongs to exactly one.</summary>
    public string ConfigHash() => CanonicalJson.Sha256(this with { Hyperparameters = Assignment.Empty });

    /// <summary>Rules between sections; then each section's own.</summary>
    public void Check(ConfigChecks checks)
    {
        var (batch, parts) = (Train.GlobalBatchSize, Train.AccumulateSteps);
        checks.Require(batch >= (long)Resources.Ranks * parts, "train.global_batch_size",
            $"is {batch}, must be at least resources.ranks times train.accumulate_steps ({Resources.Ranks} × {parts}): every shard needs an image in every part.",
            "resources.ranks", "train.accumulate_steps");
        checks.Require(!Objective.NeedsValidation || Train.Dataset.Split == "reference" || Train.Dataset.ValFraction > 0,
            "train.dataset.val_fraction",
            $"is 0, but objective {Objective.Metric} is measured on the validation part; give it a part of the training set (for example 0.1) or set split: reference.",
            "train.dataset.split", "objective.metric");
        checks.Visit("resources", Resources);
        checks.Visit("checkpoint", Checkpoint);
        checks.Visit("train", Train);
    }
}

public sealed record ResourcesSpec : IChecked
{
    /// <summary>S, the number of logical shards of the global batch, and of ranks at full strength (DESIGN §4).</summary>
    [InRange(1, Messages.MessageLimits.MaxRanks)]
    public int Ranks { get; init; } = 1;

    /// <summary>The trial goes on with so few ranks when others are lost and no slot is free.</summary>
    [InRange(1, Messages.MessageLimits.MaxRanks)]
    public int MinRanks { get; init; } = 1;

    /// <summary>
    /// Seconds that a group which lost a rank waits for a slot to replace it, before it goes on with those that are left (<see cref="MinRanks"/> or more). The default
    /// is longer than a process takes to start and an agent to come back, and shorter than a machine's boot.
    /// </summary>
    [InRange(0, 86_400)]
    [LeftOutWhen(10.0)]        // it decides no number, and configurations of before it existed keep their hash
    public double ReplaceWait { get; init; } = 10;

    /// <summary>libtorch threads of one rank. Part of the numbers: another count gives other last bits.</summary>
    [InRange(1, 1024)]
    public int ThreadsPerRank { get; init; } = 1;

    /// <summary>auto | cpu | cuda.</summary>
    [OneOf("auto", "cpu", "cuda")]
    public string Device { get; init; } = "auto";

    /// <summary>Trials at once; 0: as many as there are slots.</summary>
    [InRange(0, 1_000_000)]
    public int MaxConcurrent { get; init; }

    /// <summary>Between sweeps of one cluster: a waiting trial of a higher one takes the slots of trials of lower ones, which go on later.</summary>
    [InRange(-100, 100)]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]        // it decides no number, and configurations of before it existed keep their hash
    public int Priority { get; init; }

    /// <summary>Failures of the trial itself (exception, NaN, out of memory) before it is given up; lost machines do not count.</summary>
    [InRange(0, 1000)]
    public int MaxFailures { get; init; } = 3;

    public void Check(ConfigChecks checks) =>
        checks.Require(MinRanks <= Ranks, nameof(MinRanks), $"is {MinRanks}, must be at most ranks, which is {Ranks}.", nameof(Ranks));
}

public sealed record CheckpointSpec
{
    /// <summary>0: not at epochs' ends.</summary>
    [InRange(0, 1_000_000)]
    public int EveryEpochs { get; init; } = 1;

    /// <summary>Also every so many steps; 0: only at epochs' ends.</summary>
    [InRange(0, 1_000_000_000)]
    public int EverySteps { get; init; }

    /// <summary>Newest ones kept.</summary>
    [InRange(1, 1_000_000)]
    public int KeepLast { get; init; } = 2;

    /// <summary>Best ones by the objective, kept beside them.</summary>
    [InRange(0, 1_000_000)]
    public int KeepBest { get; init; } = 1;

    /// <summary>dir | node.</summary>
    [OneOf("dir", "node")]
    public string Store { get; init; } = "dir";
}

/// <summary>What is better. <see cref="Metric"/> is one of <see cref="ObjectiveMetrics"/>.</summary>
public sealed record ObjectiveSpec : IChecked
{
    /// <summary>val_accuracy | val_loss | val_top5 | val_map | val_f1; in a list also what a finished trial costs (energy_pj, macs, …).</summary>
    public string Metric { get; init; } = "val_accuracy";

    /// <summary>maximize | minimize. Where it is not given: what is better for this metric.</summary>
    [OneOf("maximize", "minimize")]
    public string Goal { get => field ?? ObjectiveMetrics.NaturalGoal(Metric); init; } = null!;

    [JsonIgnore]
    public bool IsMaximized => Goal == "maximize";

    /// <summary>The metric is measured on the validation part after each epoch.</summary>
    [JsonIgnore]
    public bool NeedsValidation => ObjectiveMetrics.PerEpoch.Contains(Metric);

    public void Check(ConfigChecks checks) =>
        checks.Require(ObjectiveMetrics.All.Contains(Metric), nameof(Metric),
            $"is \"{Metric}\", must be one of {string.Join(", ", ObjectiveMetrics.All)}.");
}

/// <summary>Names that an objective may have.</summary>
public static class ObjectiveMetrics
{
    /// <summary>Measured on the validation part after each epoch: what search, patience and the best checkpoint may follow.</summary>
    public static IReadOnlyList<string> PerEpoch { get; } = ["val_accuracy", "val_loss", "val_top5", "val_map", "val_f1"];

    /// <summary>Known of a finished trial only: second and further objectives.</summary>
    public static IReadOnlyList<string> PerTrial { get; } =
        ["energy_pj", "macs", "parameters", "synaptic_operations", "spike_sparsity", "latency_ms_p50", "latency_ms_p95"];

    public static IReadOnlyList<string> All { get; } = [.. PerEpoch, .. PerTrial];

    public static string NaturalGoal(string metric) =>
        metric is "val_loss" || (metric is not "spike_sparsity" && PerTrial.Contains(metric)) ? "minimize" : "maximize";
}
