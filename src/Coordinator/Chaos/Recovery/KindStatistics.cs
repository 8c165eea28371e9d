using Volley.Coordinator.Chaos.Faults;

namespace Volley.Coordinator.Chaos.Recovery;

/// <summary>How long one kind of fault took to get over. Seconds.</summary>
/// <param name="Recovered">Faults with a recovery time; the others hit no trial that went on.</param>
/// <param name="Median">Of the time until training went on (for the coordinator's: until it answered again).</param>
internal sealed record KindStatistics(FaultKind Kind, int Faults, int Recovered, double? Median, double? P95, double? Max, long StepsRepeated, int NewAttempts)
{
    public static IReadOnlyList<KindStatistics> Of(IEnumerable<FaultRecovery> recoveries) =>
    [
        .. from recovery in recoveries
           group recovery by recovery.Fault.Kind into kind
           orderby kind.Key
           let times = kind.Select(SecondsOf).OfType<double>().Order().ToList()
           select new KindStatistics(kind.Key, kind.Count(), times.Count, Quantile(times, 0.5), Quantile(times, 0.95), times.Count == 0 ? null : times[^1],
               kind.Sum(recovery => recovery.StepsRepeated), kind.Sum(recovery => recovery.NewAttempts)),
    ];

    /// <summary>What a person waits for: steering, where the coordinator was hit; training, else.</summary>
    public static double? SecondsOf(FaultRecovery recovery) => (IsAboutSteering(recovery.Fault.Kind) ? recovery.AnswersAfter : recovery.WentOnAfter)?.TotalSeconds;

    public static bool IsAboutSteering(FaultKind kind) => kind is FaultKind.CoordinatorKill or FaultKind.CoordinatorPause or FaultKind.CoordinatorTerm;

    /// <summary>The smallest value that so large a part of all is not above (nearest rank).</summary>
    private static double? Quantile(List<double> sorted, double part) => sorted.Count == 0 ? null : sorted[Math.Max(0, (int)Math.Ceiling(part * sorted.Count) - 1)];
}
