using System.Runtime.InteropServices;

namespace Volley.GpuNode.Cli;

/// <summary>What a process that loads libtorch must set before the first torch call. Measured reasons: DESIGN §12.</summary>
public static partial class ProcessSettings
{
    // glibc's names for mallopt's parameters (malloc.h).
    private const int TrimThreshold = -1;
    private const int MmapThreshold = -3;

    public const string SpinVariable = "GOMP_SPINCOUNT";

    // Iterations an idle OpenMP thread waits awake for the next operation: tests/Benchmarks/results/amd-epyc-2-cores/training-step-2026-11-23.md.
    public const string ShortSpin = "100000";

    /// <summary>
    /// Where ranks share the cores, idle OpenMP threads sleep instead of spinning (two processes on two cores: 295 → 150 ms a
    /// step); a process alone on its cores keeps them awake for a moment (ViT on two threads: 37 → 56 images/s). The allocator keeps the
    /// memory of one step for the next (small ResNet: 105 → 76 ms a step). GOMP_SPINCOUNT in the environment wins.
    /// </summary>
    /// <param name="isAlone">No other process of ours computes on this machine now: a person typed train, eval or profile. (An agent tells its ranks through the environment.)</param>
    public static void ApplyBeforeTorch(bool isAlone = false)
    {
        // Environment.SetEnvironmentVariable changes .NET's copy only; libgomp reads the C library's.
        if (SetEnvironment(SpinVariable, isAlone ? ShortSpin : "0", overwrite: 0) != 0)
            throw new InvalidOperationException("setenv(GOMP_SPINCOUNT) failed: no memory for the environment.");
        // Refused settings cost speed, not correctness: the step is only slower.
        _ = MallocOption(MmapThreshold, 1 << 30);
        _ = MallocOption(TrimThreshold, int.MaxValue);
    }

    /// <summary>Gives free memory back to the system; every 20–50 steps, or glibc fragments.</summary>
    public static void TrimMemory() => _ = MallocTrim(0);

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnvironment(string name, string value, int overwrite);

    [LibraryImport("libc", EntryPoint = "mallopt")]
    private static partial int MallocOption(int parameter, int value);

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int MallocTrim(nuint pad);
}
