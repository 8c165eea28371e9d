namespace Volley.Shared.Config;

/// <summary>A network's architecture. What the data decides (channels, size, classes) is in <see cref="ModelInput"/>.</summary>
/// <remarks>In YAML <c>name</c> is a family (<c>sdt</c>, <c>spikformer</c>, <c>resnet18</c>, <c>vit</c>) or a preset such as <c>sdt-2-256</c>, whose values the other keys override.</remarks>
public abstract record ModelSpec
{
    /// <summary>As the person wrote it: a family or a preset.</summary>
    public required string Name { get; init; }

    /// <summary>sdt | spikformer | resnet18 | vit.</summary>
    public abstract string Family { get; }

    /// <summary>Dropout probability before the classifier (ViT: also after attention projection and MLP). 0: off.</summary>
    public double Dropout { get; init; }
}

/// <summary>What data and model must agree on. Sizes in pixels.</summary>
/// <param name="MultiLabel">Several labels per image: sigmoid outputs and binary cross-entropy.</param>
public sealed record ModelInput(int Channels, int Height, int Width, int Classes, bool MultiLabel = false);

/// <summary>CIFAR ResNet-18 (He et al. 2016; layout of kuangliu/pytorch-cifar).</summary>
public sealed record ResNetSpec : ModelSpec
{
    public override string Family => "resnet18";

    /// <summary>Channels of the first stage; stages have w, 2w, 4w, 8w.</summary>
    public int Width { get; init; } = 64;

    /// <summary>Basic blocks per stage.</summary>
    public IReadOnlyList<int> Blocks { get; init; } = [2, 2, 2, 2];
}

/// <summary>What the three transformers share.</summary>
public abstract record TransformerSpec : ModelSpec
{
    public int EmbedDim { get; init; } = 256;

    /// <summary>Number of blocks.</summary>
    public int Depth { get; init; } = 2;

    public int Heads { get; init; } = 8;

    /// <summary>Hidden width of the MLP over the embedding width.</summary>
    public double MlpRatio { get; init; } = 4;

    /// <summary>Probability of dropping a residual branch, rising linearly over depth (stochastic depth). 0: off.</summary>
    public double DropPath { get; init; }
}

/// <summary>Vision Transformer (Dosovitskiy et al. 2021), class token, learned positions.</summary>
public sealed record VitSpec : TransformerSpec
{
    public override string Family => "vit";

    /// <summary>Patch edge in pixels.</summary>
    public int Patch { get; init; } = 4;
}

/// <summary>Neurons and time of a spiking model; names as in golden/README ("Neuron").</summary>
public abstract record SpikingSpec : TransformerSpec
{
    /// <summary>T, simulation ticks per image.</summary>
    public int TimeSteps { get; init; } = 4;

    /// <summary>lif | if | plif.</summary>
    public string Neuron { get; init; } = "lif";

    /// <summary>Time constant τ in time steps (PLIF: the initial one).</summary>
    public double Tau { get; init; } = 2.0;

    /// <summary>Threshold; the attention neuron uses half of it, as the references do.</summary>
    public double VThreshold { get; init; } = 1.0;

    /// <summary>hard (to <see cref="VReset"/>) | soft (subtract the threshold).</summary>
    public string Reset { get; init; } = "hard";

    public double VReset { get; init; }

    public bool DetachReset { get; init; } = true;

    public bool DecayInput { get; init; } = true;

    /// <summary>sigmoid | atan.</summary>
    public string Surrogate { get; init; } = "sigmoid";

    /// <summary>Slope α of the surrogate.</summary>
    public double SurrogateAlpha { get; init; } = 4.0;

    /// <summary>direct | poisson | latency.</summary>
    public string Encoder { get; init; } = "direct";
}

/// <summary>Spike-driven Transformer (Yao et al., NeurIPS 2023).</summary>
public sealed record SdtSpec : SpikingSpec
{
    public override string Family => "sdt";

    /// <summary>One digit per patch-embedding stage: 1 pools the spikes, 3 (last stage) pools before the neuron, 0 does not pool. "0011" in the CIFAR configuration, see golden/README.</summary>
    public string PoolingStat { get; init; } = "0011";
}

/// <summary>Spikformer (Zhou et al., ICLR 2023), CIFAR version.</summary>
public sealed record SpikformerSpec : SpikingSpec
{
    public override string Family => "spikformer";
}
