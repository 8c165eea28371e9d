using System.Text.Json.Serialization;
using System.Text.RegularExpressions;

namespace Volley.Shared.Config;

/// <summary>Everything under <c>train:</c> with every choice made: what one trial does.</summary>
public sealed record TrainingSpec : IChecked
{
    public required DatasetSpec Dataset { get; init; }
    public required ModelSpec Model { get; init; }
    [InRange(1, 1_000_000)]
    public int Epochs { get; init; } = 30;

    /// <summary>Images per optimizer step, over all shards and accumulation steps.</summary>
    [InRange(1, 1_048_576)]
    public int GlobalBatchSize { get; init; } = 128;

    /// <summary>The global batch is computed in this many parts, one after the other; the update is the same sum.</summary>
    [InRange(1, 65_536)]
    public int AccumulateSteps { get; init; } = 1;

    /// <summary>Drop the incomplete last batch of an epoch (the references do).</summary>
    public bool DropLast { get; init; } = true;

    public OptimizerSpec Optimizer { get; init; } = new();
    public ScheduleSpec Schedule { get; init; } = new();

    /// <summary>cross_entropy | tet (spiking models) | bce (several labels). Empty: what the data asks for.</summary>
    [OneOf("", "cross_entropy", "tet", "bce")]
    public string Loss { get; init; } = "";

    [InRange(0, 1, Below = true)]
    public double LabelSmoothing { get; init; }

    /// <summary>TET: target of the regularising term, and its weight λ (Deng et al. 2022).</summary>
    public double TetMeans { get; init; } = 1.0;
    
    [InRange(0, 1)]
    public double TetLambda { get; init; } = 0.001;

    public AugmentSpec Augment { get; init; } = new();

    /// <summary>Largest global L2 norm of the gradient; 0: no clipping.</summary>
    [InRange(0)]
    public double ClipNorm { get; init; }

    /// <summary>Decay of the exponential moving average of the weights; 0: none. Where there is one, it is what is evaluated.</summary>
    [InRange(0, 1, Below = true)]
    public double EmaDecay { get; init; }

    /// <summary>fp32 | bf16 (parameters and optimizer stay fp32).</summary>
    [OneOf("fp32", "bf16")]
    public string Precision { get; init; } = "fp32";

    /// <summary>
    /// fp32 | bf16: what travels between ranks. bf16 halves the bytes; each contribution and each sum is rounded once, so the numbers are others,
    /// and follow from the ranks that contribute.
    /// </summary>
    [OneOf("fp32", "bf16")]
    [LeftOutWhen("fp32")]
    public string GradientWire { get; init; } = "fp32";

    /// <summary>Batch norm over the whole global batch instead of each shard's part of it.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool SyncBatchNorm { get; init; }

    /// <summary>Stop when the objective has not improved for this many epochs; 0: never.</summary>
    [InRange(0, 1_000_000)]
    public int PatienceEpochs { get; init; }

    public void Check(ConfigChecks checks)
    {
        var at = checks.Prefix;
        checks.Require(GlobalBatchSize % AccumulateSteps == 0, nameof(AccumulateSteps),
            $"is {AccumulateSteps}, must divide global_batch_size, which is {GlobalBatchSize}.", nameof(GlobalBatchSize));
        checks.Require(Loss != "tet" || Model is SpikingSpec, nameof(Loss),
            $"is tet, which needs a spiking model (sdt, spikformer); the model is {Model?.Name}.", nameof(Model));
        checks.Require(Loss != "tet" || (Augment.Mixup == 0 && Augment.Cutmix == 0), nameof(Loss),
            "is tet, which takes one class per image; mixup and cutmix must be 0.", $"{at}.augment.mixup", $"{at}.augment.cutmix");
        checks.Require(Loss != "bce" || LabelSmoothing == 0, nameof(LabelSmoothing),
            $"is {LabelSmoothing}, must be 0 with loss bce.", nameof(Loss));
        checks.Require(Schedule.WarmupEpochs < Epochs, $"{at}.schedule.warmup_epochs",
            $"is {Schedule.WarmupEpochs}, must be less than epochs, which is {Epochs}.", nameof(Epochs));
        checks.Require(Schedule.WarmupEpochs + Schedule.CooldownEpochs < Epochs || Schedule.WarmupEpochs >= Epochs, $"{at}.schedule.cooldown_epochs",
            $"is {Schedule.CooldownEpochs}: warm-up and cool-down together ({Schedule.WarmupEpochs + Schedule.CooldownEpochs}) must be less than epochs, which is {Epochs}.",
            nameof(Epochs), $"{at}.schedule.warmup_epochs");
        checks.Require(Schedule.Name != "cosine" || Schedule.MinLr <= Optimizer.Lr, $"{at}.schedule.min_lr",
            $"is {Schedule.MinLr}, must be at most optimizer.lr, which is {Optimizer.Lr}.", $"{at}.optimizer.lr", $"{at}.schedule.name");
        checks.Require(PatienceEpochs == 0 || Dataset is null || Dataset.Split == "reference" || Dataset.ValFraction > 0, nameof(PatienceEpochs),
            $"is {PatienceEpochs}, but dataset.val_fraction is 0: there is nothing to stop by.", $"{at}.dataset.val_fraction", $"{at}.dataset.split");
        checks.Require(Dataset is null || Model is not VitSpec vit || Dataset.KnownEdge is not { } edge || edge % vit.Patch == 0, $"{at}.model.patch",
            $"is {(Model as VitSpec)?.Patch}, must divide the image's edge, which is {Dataset?.KnownEdge} pixels.", $"{at}.dataset.image_size");
        checks.Visit($"{at}.dataset", Dataset);
        checks.Visit($"{at}.model", Model);
        checks.Visit($"{at}.optimizer", Optimizer);
        checks.Visit($"{at}.augment", Augment);
    }
}

public sealed record DatasetSpec : IChecked
{
    /// <summary>cifar10 | cifar100 | fashion-mnist | images | images-csv.</summary>
    [OneOf("cifar10", "cifar100", "fashion-mnist", "images", "images-csv")]
    public required string Name { get; init; }

    /// <summary>Where a copy lies: a folder, an archive or a packed file. Empty: the cache under the data root (cifar: downloaded). Relative to the sweep file.</summary>
    public string Path { get; init; } = "";

    /// <summary>Edge in pixels after preparation; 0: as the data is.</summary>
    [InRange(0, 4096)]
    public int ImageSize { get; init; }

    /// <summary>3 (grey is repeated) | 1 | 0: as the data is.</summary>
    [InRange(0, 3)]
    public int Channels { get; init; }

    /// <summary>Seeded, stratified part of the training set that search and early stopping see. In [0, 0.5].</summary>
    [InRange(0, 0.5)]
    public double ValFraction { get; init; } = 0.1;

    /// <summary>Seeded, stratified part that becomes the test part where the data has none of its own (no test/ or val/ folder, no split column). In [0, 0.5].</summary>
    public double TestFraction { get; init; } = 0.1;

    /// <summary>holdout | reference (train on everything and report test, as the papers do; said in the report).</summary>
    [OneOf("holdout", "reference")]
    public string Split { get; init; } = "holdout";

    /// <summary>Use only this many images, stratified and seeded; 0: all. For quick looks.</summary>
    [InRange(0, 1_000_000_000)]
    public int LimitTrain { get; init; }
    [InRange(0, 1_000_000_000)]
    public int LimitTest { get; init; }

    /// <summary>images-csv: the table, and its columns.</summary>
    public string Csv { get; init; } = "";
    public string FileColumn { get; init; } = "file";
    public string LabelColumn { get; init; } = "label";
    public string LabelSeparator { get; init; } = "|";

    /// <summary>The edge of an image in pixels where it is known before the data is opened.</summary>
    [JsonIgnore]
    public int? KnownEdge => ImageSize > 0 ? ImageSize : Name switch
    {
        "cifar10" or "cifar100" => 32,
        "fashion-mnist" => 28,
        _ => null,
    };

    public void Check(ConfigChecks checks)
    {
        checks.Require(Channels is 0 or 1 or 3, nameof(Channels), $"is {Channels}, must be 3, 1, or 0 (as the data is).");
        checks.Require(Name != "images" || Path.Length > 0, nameof(Path), "is missing; images needs the folder that holds one folder per class.", nameof(Name));
        checks.Require(Name != "images-csv" || Csv.Length > 0, nameof(Csv), "is missing; images-csv needs the table that names files and labels.", nameof(Name));
        checks.Require(LabelSeparator.Length > 0, nameof(LabelSeparator), "is empty, must be the text between two labels, for example \"|\".");
    }
}

public sealed record OptimizerSpec : IChecked
{
    /// <summary>sgd | adam | adamw.</summary>
    [OneOf("sgd", "adam", "adamw")]
    public string Name { get; init; } = "adamw";

    /// <summary>Peak learning rate, not scaled with the batch.</summary>
    [InRange(0, Above = true)]
    public double Lr { get; init; } = 1e-3;

    [InRange(0)]
    public double WeightDecay { get; init; }

    /// <summary>matrices (not on biases and one-dimensional parameters, as timm) | all.</summary>
    [OneOf("matrices", "all")]
    public string DecayOn { get; init; } = "matrices";
    
    [InRange(0, 1, Below = true)]
    public double Momentum { get; init; } = 0.9;
    public bool Nesterov { get; init; }
    
    [InRange(0, 1, Below = true)]
    public double Beta1 { get; init; } = 0.9;
    
    [InRange(0, 1, Below = true)]
    public double Beta2 { get; init; } = 0.999;
    
    [InRange(0, Above = true)]
    public double Eps { get; init; } = 1e-8;

    public void Check(ConfigChecks checks) =>
        checks.Require(!Nesterov || (Name == "sgd" && Momentum > 0), nameof(Nesterov),
            $"is true, which needs sgd with momentum; the optimizer is {Name} with momentum {Momentum}.", nameof(Name), nameof(Momentum));
}

public sealed record ScheduleSpec
{
    /// <summary>cosine | step | constant.</summary>
    [OneOf("cosine", "step", "constant")]
    public string Name { get; init; } = "cosine";
    
    [InRange(0, 1_000_000)]
    public double WarmupEpochs { get; init; }
    
    /// <summary>Where the linear warm-up begins.</summary>
    [InRange(0)]
    public double WarmupLr { get; init; } = 1e-6;
    
    /// <summary>Where the cosine ends.</summary>
    [InRange(0)]
    public double MinLr { get; init; } = 1e-5;

    /// <summary>Epochs at <see cref="MinLr"/> at the end; counted inside <c>epochs</c>.</summary>
    [InRange(0, 1_000_000)]
    public int CooldownEpochs { get; init; }

    /// <summary>step: the rate is multiplied by <see cref="Gamma"/> every so many epochs.</summary>
    [InRange(1, 1_000_000)]
    public int StepEpochs { get; init; } = 30;
    
    [InRange(0, 1, Above = true)]
    public double Gamma { get; init; } = 0.1;

    /// <summary>epoch (as the references) | step: how often the rate changes.</summary>
    [OneOf("epoch", "step")]
    public string Per { get; init; } = "epoch";
}

public sealed partial record AugmentSpec : IChecked
{
    /// <summary>Pixels of zero padding before a random crop to the old size; 0: off.</summary>
    [InRange(0, 1024)]
    public int Crop { get; init; }
    public bool Flip { get; init; }

    /// <summary>Edge in pixels of a square cut out; 0: off.</summary>
    [InRange(0, 4096)]
    public int Cutout { get; init; }

    /// <summary>Probability of random erasing (timm's constant mode); 0: off.</summary>
    [InRange(0, 1)]
    public double RandomErasing { get; init; }

    /// <summary>none | a timm-style string such as <c>rand-m9-n1-mstd0.4-inc1-p0.5</c>.</summary>
    public string Randaugment { get; init; } = "none";

    /// <summary>α of mixup's Beta distribution; 0: off.</summary>
    [InRange(0, 1000)]
    public double Mixup { get; init; }
    
    /// <summary>α of cutmix's Beta distribution; 0: off.</summary>
    [InRange(0, 1000)]
    public double Cutmix { get; init; }

    /// <summary>First epoch without mixup and cutmix; 0: never off.</summary>
    [InRange(0, 1_000_000)]
    public int MixupOffEpoch { get; init; }

    public void Check(ConfigChecks checks) =>
        checks.Require(Randaugment == "none" || RandAugmentText().IsMatch(Randaugment), nameof(Randaugment),
            $"is \"{Randaugment}\", must be none or a recipe such as rand-m9-n1-mstd0.4-inc1-p0.5.");

    /// <summary>"rand" and then parts of a name and a number; the augmentation itself says which names it knows.</summary>
    [GeneratedRegex("^rand(-[a-z]+[0-9]+(\\.[0-9]+)?)+$")]
    private static partial Regex RandAugmentText();
}
