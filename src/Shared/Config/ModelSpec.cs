using System.Text.Json.Serialization;

namespace Volley.Shared.Config;

/// <summary>A network's architecture. What the data decides (channels, size, classes) is in <see cref="ModelInput"/>.</summary>
/// <remarks>In YAML <c>name</c> is a family (<c>sdt</c>, <c>spikformer</c>, <c>resnet18</c>, <c>vit</c>) or a preset such as <c>sdt-2-256</c>, whose values the other keys override.</remarks>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "family")]
[JsonDerivedType(typeof(SdtSpec), "sdt")]
[JsonDerivedType(typeof(SpikformerSpec), "spikformer")]
[JsonDerivedType(typeof(ResNetSpec), "resnet18")]
[JsonDerivedType(typeof(VitSpec), "vit")]
public abstract record ModelSpec : IChecked
{
    /// <summary>As the person wrote it: a family or a preset.</summary>
    public required string Name { get; init; }

    /// <summary>sdt | spikformer | resnet18 | vit.</summary>
    [JsonIgnore]
    public abstract string Family { get; }

    /// <summary>Dropout probability before the classifier (ViT: also after attention projection and MLP). 0: off.</summary>
    [InRange(0, 1, Below = true)]
    public double Dropout { get; init; }

    public virtual void Check(ConfigChecks checks) { }
}

/// <summary>What data and model must agree on. Sizes in pixels.</summary>
/// <param name="MultiLabel">Several labels per image: sigmoid outputs and binary cross-entropy.</param>
public sealed record ModelInput(int Channels, int Height, int Width, int Classes, bool MultiLabel = false);

/// <summary>CIFAR ResNet-18 (He et al. 2016; layout of kuangliu/pytorch-cifar).</summary>
public sealed record ResNetSpec : ModelSpec
{
    [JsonIgnore]
    public override string Family => "resnet18";

    /// <summary>Channels of the first stage; stages have w, 2w, 4w, 8w.</summary>
    [InRange(1, 1024)]
    public int Width { get; init; } = 64;

    /// <summary>Basic blocks per stage.</summary>
    [InRange(1, 64)]
    public IReadOnlyList<int> Blocks { get; init; } = [2, 2, 2, 2];

    public override void Check(ConfigChecks checks) =>
        checks.Require(Blocks.Count == 4, nameof(Blocks), $"has {Blocks.Count} numbers, must have 4: one per stage.");

    public bool Equals(ResNetSpec? other) => base.Equals(other) && Width == other.Width && Blocks.SequenceEqual(other.Blocks);

    public override int GetHashCode() => HashCode.Combine(base.GetHashCode(), Width, Blocks.Count);
}

/// <summary>What the three transformers share.</summary>
public abstract record TransformerSpec : ModelSpec
{
    [InRange(1, 8192)]
    public int EmbedDim { get; init; } = 256;

    /// <summary>Number of blocks.</summary>
    [InRange(1, 128)]
    public int Depth { get; init; } = 2;

    [InRange(1, 512)]
    public int Heads { get; init; } = 8;

    /// <summary>Hidden width of the MLP over the embedding width.</summary>
    [InRange(0, 64, Above = true)]
    public double MlpRatio { get; init; } = 4;

    /// <summary>Probability of dropping a residual branch, rising linearly over depth (stochastic depth). 0: off.</summary>
    [InRange(0, 1, Below = true)]
    public double DropPath { get; init; }

    public override void Check(ConfigChecks checks)
    {
        checks.Require(EmbedDim % Heads == 0, nameof(Heads),
            $"is {Heads}, must divide embed_dim, which is {EmbedDim}.", nameof(EmbedDim));
        checks.Require((int)(EmbedDim * MlpRatio) >= 1, nameof(MlpRatio),
            $"is {MlpRatio}: embed_dim {EmbedDim} times mlp_ratio must be at least 1.", nameof(EmbedDim));
    }
}

/// <summary>Vision Transformer (Dosovitskiy et al. 2021), class token, learned positions.</summary>
public sealed record VitSpec : TransformerSpec
{
    [JsonIgnore]
    public override string Family => "vit";

    /// <summary>Patch edge in pixels.</summary>
    [InRange(1, 1024)]
    public int Patch { get; init; } = 4;
}

/// <summary>Neurons and time of a spiking model; names as in golden/README ("Neuron").</summary>
public abstract record SpikingSpec : TransformerSpec
{
    /// <summary>T, simulation ticks per image.</summary>
    [InRange(1, 1024)]
    public int TimeSteps { get; init; } = 4;

    /// <summary>lif | if | plif.</summary>
    [OneOf("lif", "if", "plif")]
    public string Neuron { get; init; } = "lif";

    /// <summary>Time constant τ in time steps (PLIF: the initial one).</summary>
    [InRange(1)]
    public double Tau { get; init; } = 2.0;

    /// <summary>Threshold; the attention neuron uses half of it, as the references do.</summary>
    [InRange(0, Above = true)]
    public double VThreshold { get; init; } = 1.0;

    /// <summary>hard (to <see cref="VReset"/>) | soft (subtract the threshold).</summary>
    [OneOf("hard", "soft")]
    public string Reset { get; init; } = "hard";

    public double VReset { get; init; }

    public bool DetachReset { get; init; } = true;

    public bool DecayInput { get; init; } = true;

    /// <summary>sigmoid | atan.</summary>
    [OneOf("sigmoid", "atan")]
    public string Surrogate { get; init; } = "sigmoid";

    /// <summary>Slope α of the surrogate.</summary>
    [InRange(0, Above = true)]
    public double SurrogateAlpha { get; init; } = 4.0;

    /// <summary>direct | poisson | latency.</summary>
    [OneOf("direct", "poisson", "latency")]
    public string Encoder { get; init; } = "direct";

    public override void Check(ConfigChecks checks)
    {
        base.Check(checks);
        checks.Require(EmbedDim % 8 == 0, nameof(EmbedDim),
            $"is {EmbedDim}, must be a multiple of 8: the patch embedding's stages have D/8, D/4, D/2 and D channels.");
        checks.Require(VReset < VThreshold, nameof(VReset),
            $"is {VReset}, must be below v_threshold, which is {VThreshold}.", nameof(VThreshold));
        checks.Require(Neuron != "plif" || Tau > 1, nameof(Tau),
            $"is {Tau}, must be greater than 1 for plif: its parameter starts at -ln(tau - 1).", nameof(Neuron));
    }
}

/// <summary>Spike-driven Transformer (Yao et al., NeurIPS 2023).</summary>
public sealed record SdtSpec : SpikingSpec
{
    [JsonIgnore]
    public override string Family => "sdt";

    /// <summary>
    /// One digit per patch-embedding stage: 1 pools, 0 does not. Stages 0 to 2 pool the spikes, the last one pools before its neuron.
    /// "0011" in the CIFAR configuration, see golden/README.
    /// </summary>
    public string PoolingStat { get; init; } = "0011";

    public override void Check(ConfigChecks checks)
    {
        base.Check(checks);
        checks.Require(PoolingStat.Length == 4 && PoolingStat.All(digit => digit is '0' or '1'), nameof(PoolingStat),
            $"is \"{PoolingStat}\", must be four digits 0 or 1, one per stage, for example \"0011\".");
    }
}

/// <summary>Spikformer (Zhou et al., ICLR 2023), CIFAR version.</summary>
public sealed record SpikformerSpec : SpikingSpec
{
    [JsonIgnore]
    public override string Family => "spikformer";
}
