using System.Text.Encodings.Web;
using System.Text.Json;
using Volley.Shared.ModelCosts;

namespace Volley.GpuNode.Profiling;

/// <summary>A profile as JSON. Keys are an interface: people's scripts read them.</summary>
internal static class ProfileJson
{
    private static readonly JsonSerializerOptions Options = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string Write(ModelProfile profile)
    {
        var (counts, cost, latency) = (profile.Counts, profile.Cost, profile.Latency);
        return JsonSerializer.Serialize(new Dictionary<string, object?>
        {
            ["model"] = profile.Spec.Name,
            ["family"] = profile.Spec.Family,
            ["input"] = new { channels = profile.Input.Channels, height = profile.Input.Height, width = profile.Input.Width, classes = profile.Input.Classes },
            ["parameters"] = counts.Parameters,
            ["unused_parameters"] = counts.UnusedParameters,
            ["time_steps"] = counts.TimeSteps,
            ["macs"] = counts.Macs,
            ["synaptic_operations"] = cost.SynapticOperations,
            ["multiply_accumulates"] = profile.Energy.MultiplyAccumulates,
            ["energy_pj"] = cost.EnergyPj,
            ["energy_formula"] = EnergyAccounting.Formula,
            ["firing_rate"] = 1 - cost.SpikeSparsity,
            ["spike_sparsity"] = cost.SpikeSparsity,
            ["rates_from"] = counts.IsSpiking ? profile.RatesFrom : null,
            ["latency_ms_p50"] = latency.LatencyMsP50,
            ["latency_ms_p95"] = latency.LatencyMsP95,
            ["batch_size"] = profile.Batch,
            ["batch_latency_ms_p50"] = latency.BatchLatencyMsP50,
            ["batch_latency_ms_p95"] = latency.BatchLatencyMsP95,
            ["images_per_second"] = latency.ImagesPerSecond,
            ["layers"] = profile.Energy.Layers.Select(layer => new
            {
                name = layer.Layer.Name,
                macs_per_call = layer.Layer.OperationsPerCall,
                calls = layer.Layer.Calls,
                counted_in_macs = layer.Layer.IsWeightLayer || !counts.IsSpiking,
                kind = layer.Layer.Kind == OperationKind.MultiplyAccumulate ? "mac" : "ac",
                input_rate = layer.Rate,
                operations = layer.Operations,
                energy_pj = layer.EnergyPj,
            }),
            ["neuron_layers"] = counts.NeuronLayers.Select(layer => new
            {
                name = layer.Name,
                neurons = layer.Neurons,
                firing_rate = profile.Rates[layer.Name],
                firing_rate_by_time_step = profile.RatesByTimeStep[layer.Name],
                spike_sparsity = 1 - profile.Rates[layer.Name],
            }),
        }, Options);
    }
}
