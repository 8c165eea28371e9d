using Volley.Shared;

namespace Volley.GpuNode.Devices;

/// <summary>What this machine lends, in slots: a GPU each, or a share of the CPU's threads.</summary>
/// <param name="Device">cpu | cuda.</param>
/// <param name="Gpus">Empty on <c>cpu</c>.</param>
internal sealed record DeviceInventory(string Device, int Slots, int ThreadsPerSlot, IReadOnlyList<GpuDescription> Gpus)
{
    /// <param name="device">auto | cpu | cuda.</param>
    /// <param name="slots">Null: one per GPU, or as many as the CPU's threads allow.</param>
    /// <param name="threadsPerSlot">CPU threads that one slot may use.</param>
    /// <param name="gpus">What the driver reports.</param>
    /// <exception cref="UserErrorException">cuda was asked for and is not there, or a number makes no sense.</exception>
    public static DeviceInventory Resolve(string device, int? slots, int threadsPerSlot, int processors, IReadOnlyList<GpuDescription> gpus)
    {
        if (slots is < 1) throw new UserErrorException($"--slots: is {slots}, must be at least 1.");
        if (threadsPerSlot < 1) throw new UserErrorException($"--threads-per-slot: is {threadsPerSlot}, must be at least 1.");
        var resolved = device switch
        {
            "cpu" or "cuda" => device,
            "auto" => gpus.Count > 0 ? "cuda" : "cpu",
            _ => throw new UserErrorException($"--device: is '{device}', must be auto, cpu or cuda."),
        };
        if (resolved == "cpu") return new(resolved, slots ?? Math.Max(1, processors / threadsPerSlot), threadsPerSlot, []);
        if (gpus.Count == 0) throw new UserErrorException("--device cuda: no GPU was found (NVIDIA's driver, libnvidia-ml.so.1, reports none). Install the driver, or use --device cpu.");
        // More slots than GPUs: ranks share them, in turn.
        return new(resolved, slots ?? gpus.Count, threadsPerSlot, gpus);
    }

    /// <summary>All slots busy, no two ranks share a core.</summary>
    public bool FitsProcessors(int processors) => (long)Slots * ThreadsPerSlot <= processors;

    /// <param name="slot">From 0.</param>
    /// <returns>Null on the CPU.</returns>
    public GpuDescription? GpuOf(int slot) => Gpus.Count == 0 ? null : Gpus[slot % Gpus.Count];

    /// <summary>Main memory, or the smallest GPU's.</summary>
    public long MemoryBytes(long mainMemoryBytes) => Gpus.Count == 0 ? mainMemoryBytes : Gpus.Min(gpu => gpu.MemoryBytes);
}

/// <param name="Uuid">As <c>nvidia-smi -L</c> shows it, and as the DCGM exporter labels it.</param>
internal sealed record GpuDescription(string Uuid, string Name, long MemoryBytes);
