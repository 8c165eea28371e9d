using System.Text.Json;
using TorchSharp;
using Volley.Models.Safetensors;
using Volley.Models.Spiking;
using static TorchSharp.torch;

namespace Volley.Models.Tests.Spiking;

/// <summary>The cases of golden/neurons.safetensors as neuron layers.</summary>
internal static class GoldenNeurons
{
    public const string File = "golden/neurons.safetensors";

    public static SpikingNeuron Create(SafetensorsFile file, string name)
    {
        var options = JsonDocument.Parse(file.Metadata["cases"]).RootElement.GetProperty(name);
        var settings = new NeuronSettings
        {
            Threshold = options.GetProperty("v_threshold").GetDouble(),
            VReset = options.GetProperty("v_reset") is { ValueKind: JsonValueKind.Number } level ? level.GetDouble() : null,
            DetachReset = options.GetProperty("detach_reset").GetBoolean(),
            DecayInput = !options.TryGetProperty("decay_input", out var decays) || decays.GetBoolean(),
            Tau = options.TryGetProperty("tau", out var tau) ? tau.GetDouble() : options.TryGetProperty("init_tau", out var start) ? start.GetDouble() : 2.0,
        };
        SpikingNeuron layer = options.GetProperty("class").GetString() switch
        {
            "MultiStepIFNode" => new IntegrateFireNeuron(settings),
            "MultiStepParametricLIFNode" => new ParametricLifNeuron(settings),
            _ => new LifNeuron(settings),
        };
        layer.to(ScalarType.Float64);
        if (!file.Contains($"{name}/w")) return layer;
        using (no_grad()) layer.get_parameter("w")!.copy_(file.ReadTensor($"{name}/w"));
        return layer;
    }

    public static TheoryData<string> Names()
    {
        // Listed here, not read from the file: a file that lost a case must fail, and discovery must not need the file.
        return
        [
            "lif_ref", "lif_th05", "lif_no_detach", "lif_soft_reset", "lif_soft_reset_no_detach", "lif_no_decay_input", "lif_tau3p7_vreset_neg",
            "lif_tau3p7_vreset_no_decay", "if_ref", "if_no_detach", "if_soft_reset", "plif_ref", "plif_w", "plif_no_detach", "plif_no_decay_input",
            "plif_soft_reset",
        ];
    }
}
