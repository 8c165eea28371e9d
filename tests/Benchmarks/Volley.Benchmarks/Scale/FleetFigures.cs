using System.Diagnostics;

namespace Volley.Benchmarks.Scale;

/// <summary>What the agents of a run saw, all together.</summary>
internal sealed class FleetFigures
{
    private long _registered;
    private long _launched;
    private long _finished;
    private long _busyTicks;
    private long _sent;
    private long _heard;
    private long _progress;
    private long _firstLaunch;
    private long _lastEnd;

    /// <summary>From a rank's end to the launch of the next one on the slot that it left.</summary>
    public Latencies Refill { get; } = new();

    public long Registered => Interlocked.Read(ref _registered);

    public long Launched => Interlocked.Read(ref _launched);

    /// <summary>Exits that the coordinator acknowledged.</summary>
    public long Finished => Interlocked.Read(ref _finished);

    /// <summary>Slot time that was used.</summary>
    public TimeSpan Busy => TimeSpan.FromTicks(Interlocked.Read(ref _busyTicks));

    /// <summary>Messages to and from the coordinator.</summary>
    public long Messages => Interlocked.Read(ref _sent) + Interlocked.Read(ref _heard);

    public void CountRegistered() => Interlocked.Increment(ref _registered);

    /// <summary>From the first launch to the last end of a rank.</summary>
    public TimeSpan Span => Stopwatch.GetElapsedTime(Interlocked.Read(ref _firstLaunch), Interlocked.Read(ref _lastEnd));

    public void CountLaunched(long timestamp)
    {
        Interlocked.Increment(ref _launched);
        Interlocked.CompareExchange(ref _firstLaunch, timestamp, 0);
    }

    public void CountEnded(long timestamp, TimeSpan busy)
    {
        Interlocked.Add(ref _busyTicks, busy.Ticks);
        Interlocked.Exchange(ref _lastEnd, timestamp);
    }

    public void CountFinished() => Interlocked.Increment(ref _finished);

    public void CountProgress() => Interlocked.Increment(ref _progress);

    public long ProgressReports => Interlocked.Read(ref _progress);

    public void CountSent() => Interlocked.Increment(ref _sent);

    public void CountHeard() => Interlocked.Increment(ref _heard);
}
