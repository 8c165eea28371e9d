using System.Diagnostics;
using System.Runtime.Intrinsics.X86;

namespace Volley.GpuNode.Collectives.SharedMemory;

/// <summary>Which of a rank's counters (<see cref="RankWords"/>): offset of the word.</summary>
internal enum Counter { Put = 0, Summed = 8, Taken = 16, Ended = 24 }

/// <summary>
/// Waits for peers' counters: awake for a moment, because a peer that runs answers within microseconds, then asleep, so that ranks that
/// share cores do not keep each other from answering. Whoever raises a counter wakes those who sleep.
/// </summary>
/// <remarks>
/// No wake-up is lost: the sleeper says that it sleeps, then looks again; the other raises its counter, then looks who sleeps, with a
/// full fence between on both sides. A bell rung in between makes the sleep return at once.
/// </remarks>
internal sealed unsafe class Waiter
{
    // A wake-up through the kernel costs 5 to 50 µs on a virtual machine: waiting awake for longer than that gains nothing.
    private static readonly long AwakeTicks = Stopwatch.Frequency * 30 / 1_000_000;

    // Where ranks outnumber cores, the one waited for may need this very core: given away at once, asleep after a few turns.
    private const int Yields = 20;

    // The bell wakes at once; this bounds the look at failures that nobody rings for.
    private static readonly TimeSpan Nap = TimeSpan.FromMilliseconds(100);

    private readonly nint[] _words;
    private readonly int _position;
    private readonly Action<int, bool> _throwIfHopeless;
    private readonly bool _isCrowded;

    /// <param name="throwIfHopeless">Called now and then with the peer that is waited for, and whether it has left without that: throws where the group is over.</param>
    public Waiter(SharedSegment segment, int position, Action<int, bool> throwIfHopeless)
    {
        _words = [.. Enumerable.Range(0, segment.Layout.WorldSize).Select(peer => segment.At(segment.Layout.RankOf(peer)))];
        (_position, _throwIfHopeless) = (position, throwIfHopeless);
        _isCrowded = _words.Length > Environment.ProcessorCount;
    }

    public long Read(int peer, Counter counter) => Volatile.Read(ref *(long*)(_words[peer] + (nint)counter));

    /// <summary>All others' are at least that.</summary>
    public bool IsReached(Counter counter, long value)
    {
        for (var peer = 0; peer < _words.Length; peer++)
            if (peer != _position && Read(peer, counter) < value) return false;
        return true;
    }

    /// <summary>Until all others' are at least that.</summary>
    public void AwaitAll(Counter counter, long value)
    {
        for (var peer = 0; peer < _words.Length; peer++)
            if (peer != _position) Await(peer, counter, value);
    }

    public void Await(int peer, Counter counter, long value)
    {
        if (Read(peer, counter) >= value || IsReachedAwake(peer, counter, value)) return;
        var own = new RankWords(_words[_position]);
        while (true)
        {
            // In this order: what a rank did before it left counts.
            var hasLeft = Volatile.Read(ref new RankWords(_words[peer]).State) == (int)RankState.Left;
            if (Read(peer, counter) >= value) return;
            _throwIfHopeless(peer, hasLeft);
            var bell = Volatile.Read(ref *own.Bell);
            Volatile.Write(ref own.IsAsleep, 1);
            Interlocked.MemoryBarrier();
            var isReached = Read(peer, counter) >= value;
            if (!isReached) Libc.Wait(own.Bell, bell, Nap);
            Volatile.Write(ref own.IsAsleep, 0);
            if (isReached || Read(peer, counter) >= value) return;
        }
    }

    /// <summary>Raises this rank's own, and wakes who sleeps.</summary>
    public void Raise(Counter counter, long value)
    {
        Volatile.Write(ref *(long*)(_words[_position] + (nint)counter), value);
        Interlocked.MemoryBarrier();
        for (var peer = 0; peer < _words.Length; peer++)
            if (peer != _position && Volatile.Read(ref new RankWords(_words[peer]).IsAsleep) != 0) Ring(peer);
    }

    /// <summary>Wakes everybody, this rank too, to look whether the group is over.</summary>
    public void RingAll()
    {
        for (var peer = 0; peer < _words.Length; peer++) Ring(peer);
    }

    private void Ring(int peer)
    {
        var bell = new RankWords(_words[peer]).Bell;
        Interlocked.Increment(ref *bell);
        Libc.Wake(bell);
    }

    private bool IsReachedAwake(int peer, Counter counter, long value)
    {
        if (_isCrowded)
        {
            for (var turn = 0; turn < Yields; turn++)
            {
                _ = Libc.Yield();
                if (Read(peer, counter) >= value) return true;
            }
            return false;
        }
        var start = Stopwatch.GetTimestamp();
        do
        {
            for (var look = 0; look < 16; look++)
            {
                if (Read(peer, counter) >= value) return true;
                if (X86Base.IsSupported) X86Base.Pause();
                else Thread.SpinWait(1);
            }
        }
        while (Stopwatch.GetTimestamp() - start < AwakeTicks);
        return false;
    }
}
