namespace Volley.Shared.Config;

/// <summary>Everything under <c>train:</c> with every choice made: what one trial does.</summary>
public sealed record TrainingSpec
{
    public required DatasetSpec Dataset { get; init; }
    public required ModelSpec Model { get; init; }
    public int Epochs { get; init; } = 30;

    /// <summary>Images per optimizer step, over all shards and accumulation steps.</summary>
    public int GlobalBatchSize { get; init; } = 128;

    /// <summary>The global batch is computed in this many parts, one after the other; the update is the same sum.</summary>
    public int AccumulateSteps { get; init; } = 1;

    /// <summary>Drop the incomplete last batch of an epoch (the references do).</summary>
    public bool DropLast { get; init; } = true;

    public OptimizerSpec Optimizer { get; init; } = new();
    public ScheduleSpec Schedule { get; init; } = new();

    /// <summary>cross_entropy | tet (spiking models) | bce (several labels). Empty: what the data asks for.</summary>
    public string Loss { get; init; } = "";

    public double LabelSmoothing { get; init; }

    /// <summary>TET: target of the regularising term, and its weight λ (Deng et al. 2022).</summary>
    public double TetMeans { get; init; } = 1.0;
    public double TetLambda { get; init; } = 0.001;

    public AugmentSpec Augment { get; init; } = new();

    /// <summary>Largest global L2 norm of the gradient; 0: no clipping.</summary>
    public double ClipNorm { get; init; }

    /// <summary>Decay of the exponential moving average of the weights; 0: none. Where there is one, it is what is evaluated.</summary>
    public double EmaDecay { get; init; }

    /// <summary>fp32 | bf16 (parameters and optimizer stay fp32).</summary>
    public string Precision { get; init; } = "fp32";

    /// <summary>Stop when the objective has not improved for this many epochs; 0: never.</summary>
    public int PatienceEpochs { get; init; }
}

public sealed record DatasetSpec
{
    /// <summary>cifar10 | cifar100 | fashion-mnist | images | images-csv.</summary>
    public required string Name { get; init; }

    /// <summary>Where a copy lies: a folder, an archive or a packed file. Empty: the cache under the data root (cifar: downloaded). Relative to the sweep file.</summary>
    public string Path { get; init; } = "";

    /// <summary>Edge in pixels after preparation; 0: as the data is.</summary>
    public int ImageSize { get; init; }

    /// <summary>3 (grey is repeated) | 1 | 0: as the data is.</summary>
    public int Channels { get; init; }

    /// <summary>Seeded, stratified part of the training set that search and early stopping see. In [0, 0.5].</summary>
    public double ValFraction { get; init; } = 0.1;

    /// <summary>Seeded, stratified part that becomes the test part where the data has none of its own (no test/ or val/ folder, no split column). In [0, 0.5].</summary>
    public double TestFraction { get; init; } = 0.1;

    /// <summary>holdout | reference (train on everything and report test, as the papers do; said in the report).</summary>
    public string Split { get; init; } = "holdout";

    /// <summary>Use only this many images, stratified and seeded; 0: all. For quick looks.</summary>
    public int LimitTrain { get; init; }
    public int LimitTest { get; init; }

    /// <summary>images-csv: the table, and its columns.</summary>
    public string Csv { get; init; } = "";
    public string FileColumn { get; init; } = "file";
    public string LabelColumn { get; init; } = "label";
    public string LabelSeparator { get; init; } = "|";
}

public sealed record OptimizerSpec
{
    /// <summary>sgd | adam | adamw.</summary>
    public string Name { get; init; } = "adamw";

    /// <summary>Peak learning rate, not scaled with the batch.</summary>
    public double Lr { get; init; } = 1e-3;

    public double WeightDecay { get; init; }

    /// <summary>matrices (not on biases and one-dimensional parameters, as timm) | all.</summary>
    public string DecayOn { get; init; } = "matrices";
    public double Momentum { get; init; } = 0.9;
    public bool Nesterov { get; init; }
    public double Beta1 { get; init; } = 0.9;
    public double Beta2 { get; init; } = 0.999;
    public double Eps { get; init; } = 1e-8;
}

public sealed record ScheduleSpec
{
    /// <summary>cosine | step | constant.</summary>
    public string Name { get; init; } = "cosine";
    public double WarmupEpochs { get; init; }
    public double WarmupLr { get; init; } = 1e-6;
    public double MinLr { get; init; } = 1e-5;

    /// <summary>Epochs at <see cref="MinLr"/> at the end; counted inside <c>epochs</c>.</summary>
    public int CooldownEpochs { get; init; }

    /// <summary>step: the rate is multiplied by <see cref="Gamma"/> every so many epochs.</summary>
    public int StepEpochs { get; init; } = 30;
    public double Gamma { get; init; } = 0.1;

    /// <summary>epoch (as the references) | step: how often the rate changes.</summary>
    public string Per { get; init; } = "epoch";
}

public sealed record AugmentSpec
{
    /// <summary>Pixels of zero padding before a random crop to the old size; 0: off.</summary>
    public int Crop { get; init; }
    public bool Flip { get; init; }

    /// <summary>Edge in pixels of a square cut out; 0: off.</summary>
    public int Cutout { get; init; }

    /// <summary>Probability of random erasing (timm's constant mode); 0: off.</summary>
    public double RandomErasing { get; init; }

    /// <summary>none | a timm-style string such as <c>rand-m9-n1-mstd0.4-inc1-p0.5</c>.</summary>
    public string Randaugment { get; init; } = "none";

    /// <summary>α of mixup's Beta distribution; 0: off.</summary>
    public double Mixup { get; init; }
    public double Cutmix { get; init; }

    /// <summary>First epoch without mixup and cutmix; 0: never off.</summary>
    public int MixupOffEpoch { get; init; }
}
