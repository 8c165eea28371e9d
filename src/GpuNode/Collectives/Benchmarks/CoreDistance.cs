using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Volley.GpuNode.Collectives.Benchmarks;

/// <summary>
/// Round trip of one cache line between two cores: the host of a virtual machine moves its cores, and all that goes between processes
/// changes with that several-fold. About 30 ns: two halves of one core; 60: one last-level cache; 300: two of them.
/// </summary>
internal static unsafe partial class CoreDistance
{
    private const int Stretches = 20;
    private const int RoundsPerStretch = 1000;

    // A core that somebody else uses answers late; then there is no figure.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);

    /// <returns>Nanoseconds: the best of many short stretches, because one in which a thread was preempted does not count. Null: one core only, or too busy.</returns>
    public static double? Measure()
    {
        if (Environment.ProcessorCount < 2) return null;
        using var memory = new AlignedMemory(128);
        var word = memory.Address;
        var stop = Stopwatch.GetTimestamp() + (long)(Limit.TotalSeconds * Stopwatch.Frequency);
        var answers = new Thread(() =>
        {
            Pin(1);
            for (var round = 0L; round < Stretches * RoundsPerStretch; round++)
            {
                if (!Await(word, 2 * round + 1, stop)) return;
                Volatile.Write(ref *(long*)word, 2 * round + 2);
            }
        });
        double? best = null;
        var asks = new Thread(() =>
        {
            Pin(0);
            var start = Stopwatch.GetTimestamp();
            for (var round = 0L; round < Stretches * RoundsPerStretch; round++)
            {
                Volatile.Write(ref *(long*)word, 2 * round + 1);
                if (!Await(word, 2 * round + 2, stop)) return;
                if ((round + 1) % RoundsPerStretch != 0) continue;
                var now = Stopwatch.GetTimestamp();
                var nanoseconds = Stopwatch.GetElapsedTime(start, now).TotalNanoseconds / RoundsPerStretch;
                if (best is null || nanoseconds < best) best = nanoseconds;
                start = now;
            }
        });
        answers.Start();
        asks.Start();
        asks.Join();
        answers.Join();
        return best;
    }

    private static bool Await(nint word, long value, long stop)
    {
        for (var look = 1; Volatile.Read(ref *(long*)word) != value; look++)
        {
            if (X86Base.IsSupported) X86Base.Pause();
            if (look % 1024 == 0 && Stopwatch.GetTimestamp() > stop) return false;
        }
        return true;
    }

    /// <summary>The calling thread, to one core. Refused where the process may not use that core: then the figure is of whichever two it runs on.</summary>
    private static void Pin(int core)
    {
        var mask = 1UL << core;
        _ = SetAffinity(0, sizeof(ulong), &mask);
    }

    [LibraryImport("libc", EntryPoint = "sched_setaffinity")]
    private static partial int SetAffinity(int thread, nuint bytes, ulong* mask);
}
