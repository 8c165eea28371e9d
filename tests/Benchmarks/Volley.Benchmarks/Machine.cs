using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using TorchSharp;

namespace Volley.Benchmarks;

/// <summary>What a reader must know to compare a figure.</summary>
internal static class Machine
{
    /// <param name="usesTorch">Otherwise libtorch is not loaded to ask for its version.</param>
    public static void PrintHeader(string title, bool usesTorch = true)
    {
        Console.WriteLine($"# {title}");
        Console.WriteLine();
        Console.WriteLine($"- Machine: {Processor()}, {Environment.ProcessorCount} cores, 512-bit vectors: {(Vector512.IsHardwareAccelerated ? "yes" : "no")}");
        Console.WriteLine($"- Versions: .NET {Environment.Version}, {(usesTorch ? $"libtorch {torch.__version__}, " : "")}{RuntimeInformation.OSDescription}");
        Console.WriteLine($"- Load of the last minute at the start: {File.ReadAllText("/proc/loadavg").Split(' ')[0]}");
        Console.WriteLine($"- Command: `Volley.Benchmarks {string.Join(' ', Environment.GetCommandLineArgs().Skip(1))}`");
        Console.WriteLine();
    }

    private static string Processor() =>
        File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim() ?? "unknown processor";
}
