using System.Net.Sockets;

namespace Volley.GpuNode.Collectives.Transport;

/// <summary>
/// Knows which peers live: a thread that sends heartbeats over the control connections and listens for theirs, whatever the rank computes
/// meanwhile. Whoever sees a peer go tells the others, so that every rank leaves, naming the same one.
/// </summary>
/// <remarks>
/// A process that dies closes its sockets: its peers see the end of the connection at once. A machine or link that goes says nothing:
/// its heartbeats stay out. A slow step does neither. The first end stands; what comes after it is a consequence.
/// </remarks>
internal sealed class PeerWatch
{
    // A rank that leaves keeps reading so long: closing with unread heartbeats would reset the connection under its last notice.
    private static readonly TimeSpan Linger = TimeSpan.FromSeconds(2);

    private readonly object _gate = new();
    private readonly Control?[] _peers;
    private readonly GroupTimeouts _timeouts;
    private readonly TimeProvider _clock;
    private readonly Thread _thread;
    private Action<GroupEnd>? _onEnd;
    private GroupEnd? _end;
    private long _leaving = -1;

    /// <param name="controls">By position; null for this rank. Owned from now on.</param>
    public PeerWatch(IReadOnlyList<Socket?> controls, GroupTimeouts timeouts, TimeProvider clock)
    {
        (_timeouts, _clock) = (timeouts, clock);
        _peers = [.. controls.Select((socket, position) => socket is null ? null : new Control(position, socket, clock.GetTimestamp()))];
        _thread = new Thread(Watch) { IsBackground = true, Name = "peer watch" };
    }

    public GroupEnd? End => Volatile.Read(ref _end);

    /// <param name="onEnd">Once, from any thread, when the group ends: by a loss, a notice or <see cref="Tell"/>.</param>
    public void Start(Action<GroupEnd> onEnd)
    {
        _onEnd = onEnd;
        _thread.Start();
    }

    /// <summary>Ends the group unless it has ended, and tells every peer. Any thread.</summary>
    public GroupEnd Tell(GroupEnd end)
    {
        if (Interlocked.CompareExchange(ref _end, end, null) is { } first) return first;
        var notice = Notice.Of(end);
        lock (_gate)
        {
            foreach (var peer in _peers) peer?.TrySend(notice);
        }
        _onEnd?.Invoke(end);
        return end;
    }

    /// <summary>How long ago a peer left in good order; null: it has not.</summary>
    public TimeSpan? LeftFor(int position) => _peers[position] is { LeftAt: > 0 and var at } ? _clock.GetElapsedTime(at) : null;

    /// <summary>Leaves in good order: peers take the end of the connections for what it is. The thread ends by itself.</summary>
    public void Leave()
    {
        lock (_gate)
        {
            if (_leaving >= 0) return;
            _leaving = _clock.GetTimestamp();
            foreach (var peer in _peers) peer?.SayGoodbye();
        }
    }

    private void Watch()
    {
        var period = _timeouts.HeartbeatPeriod;
        var lastBeat = _clock.GetTimestamp();
        var lastLook = lastBeat;
        Beat();
        while (true)
        {
            var untilBeat = period - _clock.GetElapsedTime(lastBeat);
            SocketPoll.Request[] requests = [.. _peers.Where(peer => peer is { IsOpen: true }).Select(peer => new SocketPoll.Request { Descriptor = peer!.Descriptor, Events = SocketPoll.Readable })];
            if (requests.Length == 0) return;
            SocketPoll.Wait(requests, Math.Max(1, (int)Math.Ceiling(untilBeat.TotalMilliseconds)));
            if (_clock.GetElapsedTime(lastLook) > _timeouts.Silence / 2) ForgiveSilence();   // it was this rank that slept
            lastLook = _clock.GetTimestamp();
            foreach (var peer in _peers)
                if (peer is { IsOpen: true }) Listen(peer);
            if (_clock.GetElapsedTime(lastBeat) >= period)
            {
                lastBeat = _clock.GetTimestamp();
                Beat();
            }
            foreach (var peer in _peers)
                if (peer is { IsLive: true } && _clock.GetElapsedTime(peer.HeardAt) > _timeouts.Silence)
                    Tell(new GroupEnd([peer.Position], $"nothing was heard from rank {peer.Position} for {_timeouts.Silence.TotalSeconds:0.#} s: its machine, its link or the process itself has stopped."));
            if (HasLingered()) return;
        }
    }

    private bool HasLingered()
    {
        lock (_gate)
        {
            if (_leaving < 0 || _clock.GetElapsedTime(_leaving) < Linger) return false;
            foreach (var peer in _peers) peer?.Close();
            return true;
        }
    }

    private void ForgiveSilence()
    {
        foreach (var peer in _peers) peer?.HeardAt = _clock.GetTimestamp();
    }

    private void Beat()
    {
        var heartbeat = Notice.Of(NoticeKind.Heartbeat);
        lock (_gate)
        {
            foreach (var peer in _peers)
                if (peer is { IsLive: true }) peer.TrySend(heartbeat);
        }
    }

    private void Listen(Control peer)
    {
        try
        {
            while (peer.TryReceive(out var kind, out var end))
            {
                peer.HeardAt = _clock.GetTimestamp();
                if (kind == NoticeKind.End) Tell(end!);   // onwards, too: the one who told may not have reached all
                if (kind == NoticeKind.Leave) peer.LeftAt = _clock.GetTimestamp();
            }
        }
        catch (Exception error) when (error is SocketException or FormatException)
        {
            lock (_gate)
            {
                peer.Close();
                if (peer.LeftAt > 0 || _leaving >= 0) return;
            }
            Tell(new GroupEnd([peer.Position], error is FormatException ? $"rank {peer.Position} sent {error.Message}." : $"the connection to rank {peer.Position} ended: its process is gone."));
        }
    }

    /// <summary>One peer's control connection, non-blocking.</summary>
    private sealed class Control
    {
        private readonly Socket _socket;
        private readonly byte[] _inbox = new byte[2 * Notice.MaxBytes];
        private int _filled;
        private bool _saidGoodbye;

        public Control(int position, Socket socket, long now)
        {
            (Position, _socket, HeardAt) = (position, socket, now);
            socket.Blocking = false;
            Descriptor = (int)socket.Handle;
        }

        public int Position { get; }

        public int Descriptor { get; }

        public bool IsOpen { get; private set; } = true;

        /// <summary>Its heartbeats are due.</summary>
        public bool IsLive => IsOpen && LeftAt == 0;

        public long HeardAt { get; set; }

        public long LeftAt { get; set; }

        /// <summary>A full or broken connection loses the notice: the peer finds out by silence, this rank by listening.</summary>
        public void TrySend(byte[] notice)
        {
            if (IsOpen && !_saidGoodbye) _socket.Send(notice, SocketFlags.None, out _);
        }

        public void SayGoodbye()
        {
            if (!IsOpen) return;
            TrySend(Notice.Of(NoticeKind.Leave));
            _saidGoodbye = true;
            try
            {
                _socket.Shutdown(SocketShutdown.Send);
            }
            catch (SocketException)
            {
                // It is gone already.
            }
        }

        /// <exception cref="SocketException">The connection has ended.</exception>
        public bool TryReceive(out NoticeKind kind, out GroupEnd? end)
        {
            while (true)
            {
                kind = Notice.Read(_inbox.AsSpan(0, _filled), out var length, out end);
                if (length > 0)
                {
                    _inbox.AsSpan(length, _filled - length).CopyTo(_inbox);
                    _filled -= length;
                    return true;
                }
                var received = _socket.Receive(_inbox.AsSpan(_filled), SocketFlags.None, out var error);
                if (error == SocketError.WouldBlock) return false;
                if (error != SocketError.Success || received == 0) throw new SocketException((int)(error == SocketError.Success ? SocketError.ConnectionReset : error));
                _filled += received;
            }
        }

        public void Close()
        {
            IsOpen = false;
            _socket.Dispose();
        }
    }
}
