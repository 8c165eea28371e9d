using System.Runtime.Intrinsics.X86;
using TorchSharp;
using static TorchSharp.torch;

namespace Volley.GpuNode.Training;

/// <summary>What decides the last bits beside the configuration: where two fingerprints agree, bit-equality is claimed (DESIGN §4).</summary>
internal static class NumericsFingerprint
{
    /// <returns>For example <c>libtorch 2.10.0.0, cpu Intel(R) Xeon(R) …, avx512, 2 threads</c>.</returns>
    public static string Of(Device device)
    {
        var where = device.type == DeviceType.CPU ? $"cpu {CpuModel()}, {InstructionSet()}" : device.ToString();
        var threads = get_num_threads();
        return $"libtorch {__version__}, {where}, {threads} {(threads == 1 ? "thread" : "threads")}";
    }

    private static string InstructionSet() =>
        Environment.GetEnvironmentVariable("ATEN_CPU_CAPABILITY") is { Length: > 0 } forced ? $"{forced} (forced)"
        : Avx512F.IsSupported ? "avx512" : Avx2.IsSupported ? "avx2" : "baseline";

    // Kernels are chosen by the processor's family, not by its instruction set alone.
    private static string CpuModel()
    {
        const string Source = "/proc/cpuinfo";
        const string Key = "model name";
        if (!File.Exists(Source)) return "unknown";
        var line = File.ReadLines(Source).FirstOrDefault(line => line.StartsWith(Key, StringComparison.Ordinal));
        return line is null ? "unknown" : line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim();
    }
}
