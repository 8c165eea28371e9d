using System.Collections.Immutable;

namespace Volley.GpuNode.Training.Groups;

/// <summary>How fast a rank computes: seconds a step without waiting for others, and that over the median rank's.</summary>
public readonly record struct RankPace(int Rank, double Seconds, double StragglerScore);

/// <summary>Finds the rank that the others wait for. Pure.</summary>
/// <param name="ranks">Their numbers, by position.</param>
internal sealed class StragglerWatch(IReadOnlyList<int> ranks)
{
    /// <summary>A rank that takes half as long again as the median makes the group lose a third of its speed.</summary>
    public const double WarnAbove = 1.5;

    /// <summary>A single slow step is a page fault or a neighbour's compile; this many in a row are a machine's.</summary>
    public const int WarnAfterSteps = 20;

    private const double NewestWeight = 0.2;   // of a moving average over about ten steps

    private readonly double[] _seconds = new double[ranks.Count];
    private readonly int[] _slowSteps = new int[ranks.Count];

    public ImmutableArray<RankPace> Paces { get; private set; } = [];

    /// <param name="seconds">Of the last step, by position; 0 or less: that rank has made none yet.</param>
    /// <returns>Positions that have just become stragglers.</returns>
    public ImmutableArray<int> Add(IReadOnlyList<double> seconds)
    {
        if (seconds.Any(value => value <= 0)) return [];
        for (var p = 0; p < _seconds.Length; p++)
            _seconds[p] = _seconds[p] == 0 ? seconds[p] : _seconds[p] + (NewestWeight * (seconds[p] - _seconds[p]));
        var median = Median(_seconds);
        Paces = [.. ranks.Select((rank, p) => new RankPace(rank, _seconds[p], _seconds[p] / median))];
        var medianNow = Median(seconds);
        var found = ImmutableArray.CreateBuilder<int>();
        for (var p = 0; p < _slowSteps.Length; p++)
        {
            _slowSteps[p] = seconds[p] > WarnAbove * medianNow ? _slowSteps[p] + 1 : 0;
            if (_slowSteps[p] == WarnAfterSteps) found.Add(p);
        }
        return found.ToImmutable();
    }

    /// <summary>Of an even number the lower middle: with two ranks the faster one, or none would ever be slow.</summary>
    private static double Median(IReadOnlyList<double> values) => values.Order().ElementAt((values.Count - 1) / 2);
}
