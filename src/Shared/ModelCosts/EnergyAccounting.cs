using System.Collections.Immutable;
using Volley.Shared.Results;

namespace Volley.Shared.ModelCosts;

/// <param name="Rate">Mean input per neuron and time step: spikes (or, where a layer adds several spike trains, their sum). 1 for MAC layers.</param>
/// <param name="Operations">Calls · dense operations · rate.</param>
public sealed record LayerEnergy(LayerCost Layer, double Rate, double Operations, double EnergyPj);

/// <summary>The accounting of one network at measured firing rates, for one image.</summary>
/// <param name="SynapticOperations">Accumulates caused by spikes, over all layers and time steps.</param>
/// <param name="MultiplyAccumulates">What runs on real values: all of a network without spikes; first convolution (and Spikformer's head) of a spiking one.</param>
public sealed record EnergySheet(ImmutableArray<LayerEnergy> Layers, double SynapticOperations, double MultiplyAccumulates, double EnergyPj);

/// <summary>
/// Energy of one inference by operation counts (golden/reference_tables.md, "Energy accounting"; 45 nm: E_MAC 4.6 pJ, E_AC 0.9 pJ).
/// A layer that real values enter costs its dense MACs; a layer that spikes enter costs one accumulate for each that arrives, T · FL · R.
/// </summary>
/// <remarks>
/// R is the mean of what really enters the layer: its measured input where there is one, which after max-pooling is higher than the
/// rate recorded at the neurons before the pool. Only without a measurement it is derived from the neuron layers' rates
/// (<see cref="LayerCost.RateOf"/>), which before a pool is the lower, published convention.
/// </remarks>
public static class EnergyAccounting
{
    public const double MacPj = 4.6;
    public const double AccumulatePj = 0.9;

    public const string Formula = "E = 4.6 pJ · MACs (real-valued inputs) + 0.9 pJ · Σ T · R · FL (spiking inputs; R: mean input of the layer, FL: its dense operations); 45 nm";

    /// <param name="counts">From <see cref="ModelCounter"/>.</param>
    /// <param name="rates">Module name → mean: of a weight layer its input, of a neuron layer its spikes; each over images, neurons and time steps.</param>
    /// <exception cref="ArgumentException">A rate is missing, with its name.</exception>
    public static EnergySheet Account(ModelCounts counts, IReadOnlyDictionary<string, double> rates)
    {
        var layers = counts.Layers.Select(layer =>
        {
            var rate = layer.Kind == OperationKind.MultiplyAccumulate ? 1 : InputRate(layer, rates);
            var operations = layer.Operations * rate;
            return new LayerEnergy(layer, rate, operations, operations * (layer.Kind == OperationKind.MultiplyAccumulate ? MacPj : AccumulatePj));
        }).ToImmutableArray();
        return new EnergySheet(layers, Sum(OperationKind.Accumulate), Sum(OperationKind.MultiplyAccumulate), layers.Sum(layer => layer.EnergyPj));

        double Sum(OperationKind kind) => layers.Where(layer => layer.Layer.Kind == kind).Sum(layer => layer.Operations);
    }

    /// <summary>The figures of a trial's result.</summary>
    public static ModelCost Cost(ModelCounts counts, IReadOnlyDictionary<string, double> rates)
    {
        var sheet = Account(counts, rates);
        return new ModelCost
        {
            Parameters = counts.Parameters,
            Macs = counts.Macs,
            SynapticOperations = sheet.SynapticOperations,
            EnergyPj = sheet.EnergyPj,
            SpikeSparsity = counts.IsSpiking ? 1 - MeanFiringRate(counts, rates) : null,
        };
    }

    /// <summary>Mean over all neurons and time steps: layers weigh as many as they have neurons.</summary>
    public static double MeanFiringRate(ModelCounts counts, IReadOnlyDictionary<string, double> rates) =>
        counts.NeuronLayers.Sum(layer => layer.Neurons * Rate(layer.Name, rates)) / counts.NeuronLayers.Sum(layer => layer.Neurons);

    private static double InputRate(LayerCost layer, IReadOnlyDictionary<string, double> rates)
    {
        if (rates.TryGetValue(layer.Name, out var measured)) return measured;
        if (layer.RateOf.IsEmpty) return Rate(layer.Name, rates);
        var sources = layer.RateOf.Select(name => Rate(name, rates));
        return layer.Rule == RateRule.Product ? sources.Aggregate(1.0, (product, rate) => product * rate) : sources.Sum();
    }

    private static double Rate(string name, IReadOnlyDictionary<string, double> rates) =>
        rates.TryGetValue(name, out var rate) ? rate : throw new ArgumentException($"no rate was measured at '{name}'", nameof(rates));
}
