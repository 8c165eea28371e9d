using System.Net;
using System.Net.Sockets;

namespace Volley.GpuNode.Collectives.Transport;

/// <summary>
/// A rank's open port. It is opened before the group is known, and serves every attempt of the rank's life: whoever knocks proves to
/// belong to the group that is being formed, or is refused and counted.
/// </summary>
public sealed class GroupListener : IDisposable
{
    // More handshakes at once than any group has ranks and connections: a flood of strangers costs no more threads.
    private const int MaxHandshakes = 256;

    private readonly Socket _socket;
    private readonly GroupTimeouts _timeouts;
    private readonly Action<string> _log;
    private readonly Thread _thread;
    private readonly object _gate = new();
    private GroupExpectation? _expected;
    private int _handshakes;
    private long _refused;
    private bool _isDisposed;

    /// <param name="address">Of this machine, IPv4 or IPv6: what peers dial.</param>
    /// <param name="port">0: any free one.</param>
    /// <exception cref="Volley.Shared.UserErrorException">The address is not this machine's, or the port is taken.</exception>
    public GroupListener(IPAddress address, int port = 0, GroupTimeouts? timeouts = null, Action<string>? log = null)
    {
        (_timeouts, _log) = (timeouts ?? GroupTimeouts.Default, log ?? (_ => { }));
        _socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            _socket.Bind(new IPEndPoint(address, port));
            _socket.Listen(backlog: 512);
        }
        catch (SocketException error)
        {
            _socket.Dispose();
            throw new Volley.Shared.UserErrorException(
                $"Cannot listen on {new IPEndPoint(address, port)} for the other ranks: {error.Message}. The address must be one of this machine's and the port free.", error);
        }
        EndPoint = (IPEndPoint)_socket.LocalEndPoint!;
        _thread = new Thread(AcceptAll) { IsBackground = true, Name = "group listener" };
        _thread.Start();
    }

    public IPEndPoint EndPoint { get; }

    public string Host => EndPoint.Address.ToString();

    public int Port => EndPoint.Port;

    /// <summary>Connections that were not let in, for whatever reason.</summary>
    public long Refused => Interlocked.Read(ref _refused);

    /// <summary>Lets in the peers of this group from now on, and nobody else.</summary>
    internal void Expect(GroupExpectation expectation)
    {
        lock (_gate)
        {
            _expected = expectation;
            Monitor.PulseAll(_gate);
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
            Monitor.PulseAll(_gate);
        }
        _socket.Dispose();   // ends the blocking accept
        _thread.Join();
    }

    private void AcceptAll()
    {
        while (true)
        {
            Socket connection;
            try
            {
                connection = _socket.Accept();
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException)
            {
                lock (_gate)
                {
                    if (_isDisposed) return;
                }
                continue;   // the one who knocked has gone again
            }
            if (Interlocked.Increment(ref _handshakes) > MaxHandshakes)
            {
                Refuse(connection, "too many connections at once");
                continue;
            }
            new Thread(() => Admit(connection)) { IsBackground = true, Name = "group handshake" }.Start();
        }
    }

    private void Admit(Socket connection)
    {
        try
        {
            connection.NoDelay = true;
            GroupExpectation? group = null;
            Hello hello;
            try
            {
                hello = Handshake.Accept(connection, theirs => group = Expected(theirs), _timeouts.Handshake);
            }
            catch (HandshakeException refusal) when (refusal.IsFinal)
            {
                group!.Disagree(refusal.Message);
                throw;
            }
            if (!group!.TryDeliver(hello.From, hello.Channel, connection)) throw new HandshakeException("came after the group was formed.");
            Interlocked.Decrement(ref _handshakes);
        }
        catch (Exception error) when (error is HandshakeException or SocketException or ObjectDisposedException)
        {
            Refuse(connection, error.Message);
        }
    }

    // A peer may know the group before this rank does, or be at the trial's next group already: it waits here for half of a handshake.
    private GroupExpectation Expected(Hello theirs)
    {
        var deadline = Environment.TickCount64 + (long)_timeouts.Handshake.TotalMilliseconds / 2;
        lock (_gate)
        {
            while (_expected is null || (_expected.Group.Attempt <= theirs.Attempt && !IsForming(theirs)))
            {
                var left = deadline - Environment.TickCount64;
                if (_isDisposed || left <= 0)
                    throw new HandshakeException(_expected is null
                        ? "this rank does not know a group yet."
                        : $"this rank {(_expected.IsOver ? "is in" : "forms")} the group of {_expected.Group.Trial}, attempt {_expected.Group.Attempt}; the other forms that of {theirs.Trial}, attempt {theirs.Attempt}.");
                Monitor.Wait(_gate, (int)left);
            }
            var group = _expected.Group;
            if (theirs.Attempt < group.Attempt) throw new HandshakeException($"attempt {theirs.Attempt} is over: this rank is at attempt {group.Attempt}.");
            if (theirs.From < 0 || theirs.From >= group.WorldSize || theirs.From == _expected.Position || theirs.Channel is < 0 or >= Channels.Count)
                throw new HandshakeException($"claims to be rank {theirs.From}, channel {theirs.Channel}, which rank {_expected.Position} of {group.WorldSize} does not expect.");
            return _expected;
        }
    }

    private bool IsForming(Hello theirs) => _expected is { IsOver: false } && _expected.Group.Attempt == theirs.Attempt && _expected.Group.Trial == theirs.Trial;

    private void Refuse(Socket connection, string reason)
    {
        Interlocked.Decrement(ref _handshakes);
        Interlocked.Increment(ref _refused);
        _log($"refused a connection from {Remote(connection)}: {reason}");
        connection.Dispose();
    }

    private static string Remote(Socket connection)
    {
        try
        {
            return connection.RemoteEndPoint?.ToString() ?? "somebody";
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            return "somebody who has gone";
        }
    }
}
