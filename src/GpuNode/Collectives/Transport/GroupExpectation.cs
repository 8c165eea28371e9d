using System.Net.Sockets;

namespace Volley.GpuNode.Collectives.Transport;

/// <summary>The group that a rank is forming: which connections it waits for, and those that came.</summary>
internal sealed class GroupExpectation(GroupDescription group, int position)
{
    private readonly object _gate = new();
    private readonly Socket?[,] _sockets = new Socket?[group.WorldSize, Channels.Count];
    private int _missing = (group.WorldSize - 1) * Channels.Count;
    private string? _difference;
    private bool _isOver;

    public GroupDescription Group => group;

    public int Position => position;

    /// <summary>The connections, when they are all there. They are the caller's from now on.</summary>
    /// <exception cref="PeerLostException">Not within the limit; names who is missing.</exception>
    /// <exception cref="Volley.Shared.UserErrorException">A peer of this attempt does not agree on what the attempt is.</exception>
    public Socket?[,] Wait(long deadline, Func<int, string?> lastTrouble, CancellationToken cancel)
    {
        using var wake = cancel.Register(() => { lock (_gate) Monitor.PulseAll(_gate); });
        lock (_gate)
        {
            while (true)
            {
                if (_missing == 0)
                {
                    _isOver = true;
                    return _sockets;
                }
                var left = deadline - Environment.TickCount64;
                if (_difference is null && left > 0 && !cancel.IsCancellationRequested)
                {
                    Monitor.Wait(_gate, (int)Math.Min(left, int.MaxValue));
                    continue;
                }
                CloseAll();
                cancel.ThrowIfCancellationRequested();
                if (_difference is not null) throw new Volley.Shared.UserErrorException($"Forming {Name}: {_difference}. All ranks of an attempt must agree; give all nodes the same release and data.");
                int[] silent = [.. Enumerable.Range(0, group.WorldSize).Where(p => p != position && IsIncomplete(p))];
                var details = silent.Select(p => $"rank {p} ({group.Members[p].Host}:{group.Members[p].Port}): {lastTrouble(p) ?? "did not connect"}");
                throw new PeerLostException(position, group.WorldSize, silent, $"Forming {Name}", $"not connected in time: {string.Join("; ", details)}");
            }
        }
    }

    /// <returns>False: not wanted (any more); the socket stays the caller's.</returns>
    public bool TryDeliver(int peer, int channel, Socket socket)
    {
        lock (_gate)
        {
            if (_isOver) return false;
            // A dialler whose last answer was lost comes again: the newer connection is the one that it believes in.
            if (_sockets[peer, channel] is { } older) older.Dispose();
            else _missing--;
            _sockets[peer, channel] = socket;
            Monitor.PulseAll(_gate);
            return true;
        }
    }

    /// <summary>Ends the wait: trying again would not help.</summary>
    public void Disagree(string difference)
    {
        lock (_gate)
        {
            _difference ??= difference;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Until somebody should try again, or nobody should.</summary>
    public void Pause(TimeSpan time)
    {
        lock (_gate)
        {
            if (!_isOver) Monitor.Wait(_gate, time);
        }
    }

    /// <summary>All are there, or it was given up.</summary>
    public bool IsOver
    {
        get { lock (_gate) return _isOver; }
    }

    private string Name => $"the group of trial {group.Trial}, attempt {group.Attempt}";

    private bool IsIncomplete(int peer) => Enumerable.Range(0, Channels.Count).Any(channel => _sockets[peer, channel] is null);

    private void CloseAll()
    {
        _isOver = true;
        foreach (var socket in _sockets) socket?.Dispose();
    }
}
