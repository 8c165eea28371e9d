using System.Diagnostics;
using System.Globalization;
using Volley.GpuNode.Processes;

namespace Volley.GpuNode.Collectives.SharedMemory;

/// <summary>
/// Judges, at each look, which peers are gone: their process has ended, or has shown no heartbeat for too long. Whether a rank's step is
/// slow plays no part: heartbeats come from a thread of their own.
/// </summary>
internal sealed class PeerLife(SharedSegment segment, int position, SharedMemorySettings settings)
{
    private readonly long[] _heartbeats = new long[segment.Layout.WorldSize];
    private readonly long[] _changed = [.. Enumerable.Repeat(Stopwatch.GetTimestamp(), segment.Layout.WorldSize)];
    private long _lastLook = Stopwatch.GetTimestamp();

    /// <summary>Of this process: pids of another one mean nothing here.</summary>
    public static long PidNamespace { get; } = ReadPidNamespace();

    /// <summary>Shows that this rank lives, and looks after the others.</summary>
    /// <returns>Positions, and why; none: all well.</returns>
    public (IReadOnlyList<int> Gone, string Reason) Look()
    {
        segment.Words(position).Heartbeat++;
        var now = Stopwatch.GetTimestamp();
        // This process itself was stopped, or the machine slept: what it did not see in that time tells nothing.
        if (Stopwatch.GetElapsedTime(_lastLook, now) > settings.Silence / 2) Array.Fill(_changed, now);
        _lastLook = now;
        var gone = new List<int>();
        var reason = "";
        for (var peer = 0; peer < segment.Layout.WorldSize; peer++)
        {
            if (peer == position) continue;
            var why = WhyGone(peer, segment.Words(peer), now);
            // Whoever left in good order may end: its word is read after its life was looked into.
            if (why is null || Volatile.Read(ref segment.Words(peer).State) == (int)RankState.Left) continue;
            gone.Add(peer);
            reason = why;
        }
        return (gone, reason);
    }

    private string? WhyGone(int peer, RankWords words, long now)
    {
        var heartbeat = Volatile.Read(ref words.Heartbeat);
        if (heartbeat != _heartbeats[peer])
        {
            _heartbeats[peer] = heartbeat;
            _changed[peer] = now;
        }
        if (words.PidNamespace == PidNamespace && words.Pid != Environment.ProcessId && ProcessIdentity.Of(words.Pid)?.StartTicks != words.StartTicks)
            return $"its process ({words.Pid}) has ended.";
        return Stopwatch.GetElapsedTime(_changed[peer], now) > settings.Silence ? $"its process ({words.Pid}) has shown no sign of life for {settings.Silence.TotalSeconds} s." : null;
    }

    private static long ReadPidNamespace()
    {
        // "pid:[4026531836]"
        var name = File.ResolveLinkTarget("/proc/self/ns/pid", returnFinalTarget: false)?.Name ?? "";
        return long.TryParse(name.AsSpan(name.IndexOf('[') + 1).TrimEnd(']'), NumberStyles.None, CultureInfo.InvariantCulture, out var inode) ? inode : 0;
    }
}
