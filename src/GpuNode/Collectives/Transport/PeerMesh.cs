using System.Net.Sockets;

namespace Volley.GpuNode.Collectives.Transport;

/// <summary>A formed group as one rank holds it: connections to every peer, and the watch over them.</summary>
internal sealed class PeerMesh : IDisposable
{
    private readonly Socket?[,] _sockets;
    private readonly PeerWatch _watch;

    private PeerMesh(GroupDescription group, int position, Socket?[,] sockets, GroupTimeouts timeouts, TimeProvider clock)
    {
        (Group, Position, Timeouts, _sockets) = (group, position, timeouts, sockets);
        _watch = new PeerWatch([.. Enumerable.Range(0, group.WorldSize).Select(peer => sockets[peer, Channels.Control])], timeouts, clock);
        foreach (var socket in DataSockets())
        {
            socket.Blocking = false;
            ChooseCongestionControl(socket);
        }
    }

    public GroupDescription Group { get; }

    public int Position { get; }

    public GroupTimeouts Timeouts { get; }

    public GroupEnd? End => _watch.End;

    /// <summary>Blocks until every pair is connected.</summary>
    /// <inheritdoc cref="Rendezvous.Connect"/>
    public static PeerMesh Form(GroupDescription group, int position, GroupListener listener, GroupTimeouts? timeouts = null, TimeProvider? clock = null, CancellationToken cancel = default)
    {
        timeouts ??= GroupTimeouts.Default;
        return new PeerMesh(group, position, Rendezvous.Connect(group, position, listener, timeouts, cancel), timeouts, clock ?? TimeProvider.System);
    }

    /// <param name="onEnd">Once, from any thread, when a peer is lost or ends the group.</param>
    public void Start(Action<GroupEnd> onEnd) => _watch.Start(end =>
    {
        // Wakes whoever waits for data; the descriptors stay until Dispose.
        foreach (var socket in DataSockets()) ShutDown(socket);
        onEnd(end);
    });

    /// <summary>Non-blocking.</summary>
    public Socket Data(int peer, int channel) => _sockets[peer, channel]!;

    /// <summary>Ends the group for every rank. Any thread.</summary>
    public void Tell(GroupEnd end) => _watch.Tell(end);

    /// <summary>How long a peer has been gone in good order; null: it has not left.</summary>
    public TimeSpan? LeftFor(int peer) => _watch.LeftFor(peer);

    /// <summary>
    /// What a broken data connection means. The peer may have left because of another one's loss: its notice, or that peer's silence, comes
    /// over the control connections; only where nothing comes is the peer itself the lost one.
    /// </summary>
    public Exception Verdict(int peer, string seen)
    {
        SpinWait.SpinUntil(() => _watch.End is not null, LeftFor(peer) is null ? Timeouts.Verdict : TimeSpan.Zero);
        return (_watch.End ?? new GroupEnd([peer], LeftFor(peer) is null ? seen : $"rank {peer} left the group before this operation was complete.")).ToException();
    }

    /// <summary>Only when no exchange is under way.</summary>
    public void Dispose()
    {
        _watch.Leave();
        foreach (var socket in DataSockets()) socket.Dispose();
    }

    private IEnumerable<Socket> DataSockets() =>
        from peer in Enumerable.Range(0, Group.WorldSize)
        from channel in new[] { Channels.Contributions, Channels.Results }
        where _sockets[peer, channel] is not null
        select _sockets[peer, channel];

    // Where the system's choice is BBR, its pacing timers cost 10–25 % more system time over loopback (2 cores, 25 MB sums, other programs running).
    private static void ChooseCongestionControl(Socket socket)
    {
        const int tcp = 6, congestion = 13;   // IPPROTO_TCP, TCP_CONGESTION
        try
        {
            socket.SetRawSocketOption(tcp, congestion, "cubic"u8);
        }
        catch (SocketException)
        {
            // Not there, or not for this user: the system's choice stays.
        }
    }

    private static void ShutDown(Socket socket)
    {
        try
        {
            socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // The peer was quicker, or this rank is done with it.
        }
    }
}
