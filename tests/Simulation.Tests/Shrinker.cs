namespace Volley.Simulation.Tests;

/// <summary>
/// Makes a failing run short: leaves out half of its faults, then quarters, down to single ones, and keeps what still fails. Since chance belongs
/// to (seed, who, n-th time), the faults that stay are the same as before.
/// </summary>
internal static class Shrinker
{
    private const int MaxRuns = 200;

    /// <param name="faults">Of the run that failed.</param>
    /// <param name="run">Runs without those named; gives the faults that struck then if it still fails, else null.</param>
    public static (HashSet<string> Suppressed, IReadOnlyList<string> Faults) Shrink(IReadOnlyList<string> faults, Func<IReadOnlySet<string>, IReadOnlyList<string>?> run)
    {
        var suppressed = new HashSet<string>();
        var left = faults;
        var runs = 0;
        for (var size = Math.Max(1, left.Count / 2); size >= 1; size = size == 1 ? 0 : size / 2)
        {
            for (var start = 0; start < left.Count && runs < MaxRuns;)
            {
                var without = new HashSet<string>(suppressed);
                without.UnionWith(left.Skip(start).Take(size));
                runs++;
                if (run(without) is { } remaining) (suppressed, left) = (without, remaining);
                else start += size;
            }
        }
        return (suppressed, left);
    }
}
