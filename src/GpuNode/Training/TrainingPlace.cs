using Volley.Shared.Config;
using static TorchSharp.torch;

namespace Volley.GpuNode.Training;

/// <summary>Which device and which type a trial computes in.</summary>
internal static class TrainingPlace
{
    /// <exception cref="ConfigException">The device is not there, or the precision does not go with the model.</exception>
    public static ComputePlace Choose(TrialSpec spec)
    {
        var device = spec.Resources.Device switch
        {
            "cpu" => CPU,
            "cuda" when !cuda.is_available() => throw new ConfigException("resources.device", "is cuda, but this process sees no CUDA device. Use auto or cpu, or build with -p:TorchBackend=cuda on a machine that has one."),
            "cuda" => CUDA,
            "auto" => cuda.is_available() ? CUDA : CPU,
            _ => throw new ConfigException("resources.device", $"is '{spec.Resources.Device}', must be one of auto, cpu, cuda."),
        };
        var type = spec.Train.Precision switch
        {
            "fp32" => ScalarType.Float32,
            // A membrane is summed over time and compared with a threshold: eight bits of mantissa move the spikes themselves.
            "bf16" when spec.Train.Model is SpikingSpec => throw new ConfigException("train.precision", $"is bf16, which spiking models do not take: it would move their spikes. Use fp32 for {spec.Train.Model.Name}."),
            "bf16" => ScalarType.BFloat16,
            _ => throw new ConfigException("train.precision", $"is '{spec.Train.Precision}', must be fp32 or bf16."),
        };
        return new ComputePlace(device, type);
    }
}
