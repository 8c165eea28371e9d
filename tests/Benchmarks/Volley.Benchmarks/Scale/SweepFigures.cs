namespace Volley.Benchmarks.Scale;

/// <param name="Messages">To and from the coordinator so far.</param>
internal sealed record Sample(long Finished, TimeSpan Elapsed, TimeSpan ProcessorTime, long MemoryBytes, long Messages);

/// <param name="Overhead">Time of the slots that no rank used, over the time they used.</param>
internal sealed record SweepFigures(
    double Seconds,
    double BusySlotSeconds,
    double Overhead,
    LatencySummary Refill,
    double CpuMillisecondsPerTrialFirst,
    double CpuMillisecondsPerTrialLast,
    double CpuMicrosecondsPerMessageFirst,
    double CpuMicrosecondsPerMessageLast,
    double BytesPerTrial,
    double MemoryMegabytesFirst,
    double MemoryMegabytesLast,
    double JournalBytesPerTrial,
    double RecoverySeconds,
    double RecoveredMegabytes,
    long RepeatedAttempts)
{
    private const double Megabyte = 1 << 20;

    /// <param name="samples">At each tenth. The first tenth warms up: "first" is the second one.</param>
    public static SweepFigures Of(IReadOnlyList<Sample> samples, FleetFigures figures, int trials, int slots, TimeSpan recovery, long recoveredBytes, long journalBytes)
    {
        var (warm, last) = (samples[1], samples[^1]);
        return new SweepFigures(
            figures.Span.TotalSeconds,
            figures.Busy.TotalSeconds,
            (figures.Span * slots / figures.Busy) - 1,
            figures.Refill.Summary(),
            PerTrial(warm, samples[2]).TotalMilliseconds,
            PerTrial(samples[^2], last).TotalMilliseconds,
            PerMessage(warm, samples[2]).TotalMicroseconds,
            PerMessage(samples[^2], last).TotalMicroseconds,
            (double)(last.MemoryBytes - warm.MemoryBytes) / (last.Finished - warm.Finished),
            warm.MemoryBytes / Megabyte,
            last.MemoryBytes / Megabyte,
            (double)journalBytes / last.Finished,
            recovery.TotalSeconds,
            recoveredBytes / Megabyte,
            figures.Launched - trials);
    }

    private static TimeSpan PerTrial(Sample from, Sample to) => (to.ProcessorTime - from.ProcessorTime) / Math.Max(1, to.Finished - from.Finished);

    private static TimeSpan PerMessage(Sample from, Sample to) => (to.ProcessorTime - from.ProcessorTime) / Math.Max(1, to.Messages - from.Messages);
}

/// <param name="IdleCores">Used by the coordinator while its agents only register.</param>
internal sealed record LargeFleetFigures(
    int Agents, int Slots, double JoinSeconds, double IdleCores, double FillSeconds, double PlacementsPerSecond, double ReportsSentPerSecond, double ReportsTakenPerSecond, double ReportingCores);
