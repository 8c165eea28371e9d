using System.Diagnostics;
using System.Text.Json;
using Volley.GpuNode.Collectives.Local;

namespace Volley.GpuNode.Collectives.Benchmarks;

/// <param name="Sizes">Bytes of float32.</param>
/// <param name="Seconds">To spend on calls of each size.</param>
internal sealed record AllReducePlan(IReadOnlyList<long> Sizes, TransportChoice Transport, WireType Wire, double Seconds);

/// <summary>One size, as rank 0 measured it. Times are of single calls, one after the other, from begin to the end of the wait.</summary>
/// <param name="GigabytesPerSecond">Size over median: what a caller gets, not what travels.</param>
/// <param name="Verified">Every rank's sum, before and after the timed calls, was the plain sum in tree order, bit for bit.</param>
/// <param name="CoreRoundTripNs">Of one cache line between two cores, before the timed calls; null: not measurable.</param>
/// <param name="CoreRoundTripAfterNs">The same after them: where both differ, the host moved the cores meanwhile.</param>
internal sealed record AllReduceCase(
    string Bench, string Transport, int Ranks, int Shards, string Wire, long Bytes, int Calls, double MedianUs, double P5Us, double P95Us,
    double GigabytesPerSecond, bool Verified, double? CoreRoundTripNs, double? CoreRoundTripAfterNs);

/// <summary>The body of <c>bench allreduce</c>: every rank reduces, rank 0 measures and reports.</summary>
internal static class AllReduceBenchmark
{
    public const string Name = "allreduce";

    private const int WarmUpCalls = 5;
    private const int LeastCalls = 7;
    private const int MostCalls = 20_000;

    public static int Run(GroupRankContext context)
    {
        var plan = JsonSerializer.Deserialize<AllReducePlan>(context.Argument)!;
        using var group = CollectiveFactory.Create(context.Group, context.Position, context.Listener, plan.Transport);
        foreach (var bytes in plan.Sizes)
        {
            var found = Measure(group, bytes, plan);
            if (group.Position == 0) context.Report(JsonSerializer.Serialize(found));
        }
        group.Barrier(new OperationName("end")).Wait();
        return 0;
    }

    private static AllReduceCase Measure(ICollective group, long bytes, AllReducePlan plan)
    {
        var check = new ExchangeCheck(group, bytes / sizeof(float), plan.Wire);
        using (check)
        {
            var before = check.IsRight();
            check.Clear();
            for (var call = 0; call < WarmUpCalls; call++) check.Reduce();
            var distance = Distance(group);
            var calls = AgreeOnCalls(group, check, plan.Seconds);
            var times = new double[calls];
            for (var call = 0; call < calls; call++)
            {
                var start = Stopwatch.GetTimestamp();
                check.Reduce();
                times[call] = Stopwatch.GetElapsedTime(start).TotalMicroseconds;
            }
            var distanceAfter = Distance(group);
            var after = check.IsRight();
            Array.Sort(times);
            var median = times[calls / 2];
            return new AllReduceCase(
                Name, group.Transport, group.WorldSize, group.Shards.Shards, plan.Wire.ToString(), bytes, calls,
                Math.Round(median, 2), Math.Round(times[calls / 20], 2), Math.Round(times[calls - 1 - calls / 20], 2),
                Math.Round(bytes / median / 1000, 3), before && after, distance, distanceAfter);
        }
    }

    /// <summary>The other ranks sleep meanwhile, in a barrier.</summary>
    private static double? Distance(ICollective group)
    {
        group.Barrier(new OperationName("core distance")).Wait();
        var distance = group.Position == 0 ? CoreDistance.Measure() : null;
        group.Barrier(new OperationName("core distance")).Wait();
        return distance is { } nanoseconds ? Math.Round(nanoseconds, 1) : null;
    }

    private static int AgreeOnCalls(ICollective group, ExchangeCheck check, double seconds)
    {
        var start = Stopwatch.GetTimestamp();
        check.Reduce();
        check.Reduce();
        var perCall = Stopwatch.GetElapsedTime(start).TotalSeconds / 2;
        using var agreed = new AlignedMemory(sizeof(int));
        agreed.As<int>()[0] = (int)Math.Clamp(seconds / perCall, LeastCalls, MostCalls);
        group.Broadcast(agreed.Address, sizeof(int), root: 0, new OperationName("calls")).Wait();
        return agreed.As<int>()[0];
    }
}
