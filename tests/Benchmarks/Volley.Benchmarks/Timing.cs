using System.Diagnostics;

namespace Volley.Benchmarks;

/// <summary>Repeated measurements of one thing.</summary>
/// <param name="Wall">Milliseconds by the clock, sorted.</param>
/// <param name="CpuPerRun">Milliseconds of processor time a run, all threads: what a disturbed machine still tells.</param>
internal sealed record Timing(double[] Wall, double CpuPerRun)
{
    public double Median => Percentile(0.5);

    public string Spread => $"{Percentile(0.05):f1}–{Percentile(0.95):f1}";

    public static Timing Measure(int warmUps, int runs, Action action)
    {
        for (var i = 0; i < warmUps; i++) action();
        var wall = new double[runs];
        var process = Process.GetCurrentProcess();
        var before = process.TotalProcessorTime;
        for (var i = 0; i < runs; i++)
        {
            var start = Stopwatch.GetTimestamp();
            action();
            wall[i] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        }
        process.Refresh();
        var cpu = (process.TotalProcessorTime - before).TotalMilliseconds / runs;
        Array.Sort(wall);
        return new Timing(wall, cpu);
    }

    private double Percentile(double p) => Wall[(int)Math.Round(p * (Wall.Length - 1))];
}
