using Volley.Models.Safetensors;

namespace Volley.GpuNode.Checkpointing;

/// <summary>Names of the files in a checkpoint (DESIGN §6).</summary>
public static class CheckpointFiles
{
    public const string Model = "model.safetensors";
    public const string Optimizer = "optimizer.safetensors";
    public const string Ema = "ema.safetensors";

    /// <summary>The weights of the best epoch so far, where that is not the newest: they are what a trial reports in the end.</summary>
    public const string Best = "best.safetensors";
    public const string State = "state.json";
}

/// <summary>A run at one step boundary, in host memory: nothing in it changes while it is written.</summary>
/// <param name="Tensors">File name → tensors.</param>
/// <param name="State">The bytes of state.json.</param>
public sealed record CheckpointContent(
    long Step, int Attempt, int Epoch, int StepInEpoch, double? ObjectiveValue,
    IReadOnlyDictionary<string, IReadOnlyList<HostTensor>> Tensors, byte[] State);
