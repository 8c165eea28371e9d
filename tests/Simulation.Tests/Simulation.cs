using Volley.Shared.Identifiers;
using Volley.Shared.Results;

namespace Volley.Simulation.Tests;

/// <summary>One seed, one run; and what to say where it fails.</summary>
internal static class Simulation
{
    private const int TraceLines = 400;
    private static readonly HashSet<string> Nothing = [];

    public static Outcome Run(ulong seed, Setup setup, IReadOnlyDictionary<SweepId, string>? expectedDigests = null, IReadOnlySet<string>? suppressed = null, List<string>? trace = null)
    {
        var cluster = new Cluster(seed, setup, suppressed ?? Nothing, trace);
        try
        {
            var results = cluster.RunToTheEnd();
            foreach (var (sweep, result) in results)
            {
                if (result.Trials.FirstOrDefault(trial => !trial.IsFinished) is { } unfinished)
                    throw new InvariantBrokenException($"{sweep}: trial {unfinished.Number} did not finish: {unfinished.Error}");
                if (expectedDigests is not null && expectedDigests[sweep] != result.ResultsDigest)
                    throw new InvariantBrokenException($"{sweep}: its results differ from those of an undisturbed run");
            }
            return new Outcome(cluster, results, null);
        }
        // A core that throws breaks an invariant too.
        catch (Exception broken) when (broken is InvariantBrokenException or InvalidOperationException or NullReferenceException or ArgumentException or KeyNotFoundException)
        {
            var message = broken is InvariantBrokenException ? broken.Message : broken.ToString();
            trace?.Add($"BROKEN: {message}");
            return new Outcome(cluster, new Dictionary<SweepId, SweepResults>(), message);
        }
    }

    /// <summary>Seed, the fewest faults that still break it, and the end of what happened then.</summary>
    public static string Explain(ulong seed, Setup setup, IReadOnlyDictionary<SweepId, string>? expectedDigests)
    {
        var first = Run(seed, setup, expectedDigests);
        var kept = Shrinker.Shrink(first.Cluster.Faults.Struck, suppressed => Run(seed, setup, expectedDigests, suppressed) is { Broken: not null } again ? again.Cluster.Faults.Struck : null);
        var trace = new List<string>();
        var last = Run(seed, setup, expectedDigests, kept.Suppressed, trace);
        return $"""
            seed {seed}: {last.Broken}
            (with all {first.Cluster.Faults.Struck.Count} faults: {first.Broken})
            {kept.Faults.Count} faults are enough:
              {string.Join("\n  ", kept.Faults)}
            what happened, {Math.Min(trace.Count, TraceLines)} of {trace.Count} lines:
            {string.Join('\n', trace.TakeLast(TraceLines))}
            """;
    }
}

/// <param name="Broken">What was broken; null: nothing.</param>
internal sealed record Outcome(Cluster Cluster, IReadOnlyDictionary<SweepId, SweepResults> Results, string? Broken)
{
    public IReadOnlyDictionary<SweepId, string> Digests => Results.ToDictionary(entry => entry.Key, entry => entry.Value.ResultsDigest);
}
