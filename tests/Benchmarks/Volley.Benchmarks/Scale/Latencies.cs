namespace Volley.Benchmarks.Scale;

/// <summary>Durations from many threads, in milliseconds.</summary>
internal sealed class Latencies
{
    private readonly Lock _lock = new();
    private readonly List<double> _milliseconds = [];

    public void Add(TimeSpan duration)
    {
        lock (_lock) _milliseconds.Add(duration.TotalMilliseconds);
    }

    /// <summary>Forgets what was added: it was the warming up.</summary>
    public void Clear()
    {
        lock (_lock) _milliseconds.Clear();
    }

    public LatencySummary Summary()
    {
        double[] sorted;
        lock (_lock) sorted = [.. _milliseconds.Order()];
        double At(double p) => sorted.Length == 0 ? double.NaN : sorted[(int)Math.Round(p * (sorted.Length - 1))];
        return new LatencySummary(sorted.Length, At(0.5), At(0.95), At(0.99), At(1));
    }
}

internal sealed record LatencySummary(int Count, double P50, double P95, double P99, double Max)
{
    public override string ToString() => $"p50 {P50:0.0} ms, p95 {P95:0.0} ms, p99 {P99:0.0} ms, max {Max:0.0} ms ({Count:n0} samples)";
}
