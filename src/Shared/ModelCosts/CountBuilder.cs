using System.Collections.Immutable;

namespace Volley.Shared.ModelCosts;

/// <summary>Adds up layers in the order of forward.</summary>
internal sealed class CountBuilder(int timeSteps)
{
    private readonly ImmutableArray<LayerCost>.Builder _layers = ImmutableArray.CreateBuilder<LayerCost>();
    private readonly ImmutableArray<NeuronLayerSize>.Builder _neurons = ImmutableArray.CreateBuilder<NeuronLayerSize>();
    private long _parameters;
    private long _unused;

    /// <summary>What multiplies real values.</summary>
    public void Dense(string name, long operations, int calls) =>
        _layers.Add(new LayerCost(name, operations, calls, OperationKind.MultiplyAccumulate, IsWeightLayer: true, []));

    /// <summary>What spikes of the named neuron layers drive, at every time step.</summary>
    public void Driven(string name, long operations, params ImmutableArray<string> rateOf) =>
        _layers.Add(new LayerCost(name, operations, timeSteps, OperationKind.Accumulate, IsWeightLayer: true, rateOf));

    public void DrivenByProduct(string name, long operations, params ImmutableArray<string> rateOf) =>
        _layers.Add(new LayerCost(name, operations, timeSteps, OperationKind.Accumulate, IsWeightLayer: true, rateOf, RateRule.Product));

    /// <summary>Attention of a spiking model: no weights, spikes against spikes.</summary>
    public void Attention(string name, long operations, params ImmutableArray<string> rateOf) =>
        _layers.Add(new LayerCost(name, operations, timeSteps, OperationKind.Accumulate, IsWeightLayer: false, rateOf));

    public void Neurons(string name, long neurons) => _neurons.Add(new NeuronLayerSize(name, neurons));

    public void Parameters(long count) => _parameters += count;

    public void UnusedParameters(long count)
    {
        _parameters += count;
        _unused += count;
    }

    public ModelCounts Build() => new()
    {
        Parameters = _parameters,
        UnusedParameters = _unused,
        TimeSteps = timeSteps,
        Layers = _layers.ToImmutable(),
        NeuronLayers = _neurons.ToImmutable(),
    };
}
