using System.Collections.Immutable;

namespace Volley.Shared.ModelCosts;

/// <summary>How a layer's operations count in the energy accounting.</summary>
public enum OperationKind
{
    /// <summary>Real-valued input: a multiply-add each.</summary>
    MultiplyAccumulate,

    /// <summary>Spikes come in: an addition for each one that arrives.</summary>
    Accumulate,
}

/// <summary>From which neuron layers' rates a layer's input rate follows, where it was not measured at the layer itself.</summary>
public enum RateRule
{
    /// <summary>The input is the sum of those layers' spikes (one layer: its spikes).</summary>
    Sum,

    /// <summary>The input is the product of those layers' spikes; their rates multiply if they are independent.</summary>
    Product,
}

/// <summary>One layer's dense operations for one image.</summary>
/// <param name="Name">As the module's in the network; attention products have a name of their own below the attention's.</param>
/// <param name="OperationsPerCall">Multiply-adds of one call on one image, before firing rates. Bias, norm, neurons and pooling are not counted.</param>
/// <param name="Calls">Per image: T for what runs at every time step (the first convolution of a static image too, though it is computed once), else 1.</param>
/// <param name="IsWeightLayer">False for products and masks of attention in spiking models, which the references' MAC tables leave out.</param>
/// <param name="RateOf">Neuron layers that feed it. Empty where real values or the input encoder do.</param>
public sealed record LayerCost(
    string Name, long OperationsPerCall, int Calls, OperationKind Kind, bool IsWeightLayer, ImmutableArray<string> RateOf, RateRule Rule = RateRule.Sum)
{
    public long Operations => OperationsPerCall * Calls;
}

/// <param name="Neurons">Of one image at one time step.</param>
public sealed record NeuronLayerSize(string Name, long Neurons);

/// <summary>What a network costs, counted from its specification alone: no tensor is made.</summary>
public sealed record ModelCounts
{
    public required long Parameters { get; init; }

    /// <summary>Of <see cref="Parameters"/>: carried for their names, never used in forward.</summary>
    public required long UnusedParameters { get; init; }

    /// <summary>T; 1 where there is no time.</summary>
    public required int TimeSteps { get; init; }

    /// <summary>In the order of forward.</summary>
    public required ImmutableArray<LayerCost> Layers { get; init; }

    /// <summary>Neuron layers that forward calls. Empty for networks without spikes.</summary>
    public required ImmutableArray<NeuronLayerSize> NeuronLayers { get; init; }

    /// <summary>Dense multiply-accumulates for one image over all time steps, as the references' tables count them.</summary>
    public long Macs => Layers.Where(layer => layer.IsWeightLayer || !IsSpiking).Sum(layer => layer.Operations);

    public bool IsSpiking => !NeuronLayers.IsEmpty;
}
