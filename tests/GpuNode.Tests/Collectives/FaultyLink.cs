using System.Net;
using System.Net.Sockets;

namespace Volley.GpuNode.Tests.Collectives;

/// <summary>What lies between a listener and those who dial it: forwards bytes, until the test cuts it or lets it swallow everything.</summary>
internal sealed class FaultyLink : IDisposable
{
    private readonly Socket _listener;
    private readonly EndPoint _target;
    private readonly object _gate = new();
    private readonly List<Socket> _sockets = [];
    private bool _isCut;
    private volatile bool _swallows;
    private long _bytesLeft = long.MaxValue;
    private Action _whenUsedUp = () => { };

    public FaultyLink(EndPoint target)
    {
        _target = target;
        _listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen();
        new Thread(AcceptAll) { IsBackground = true }.Start();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndPoint!).Port;

    /// <summary>Every connection ends, as when the process behind it dies: it says nothing any more, not even about the first one to end.</summary>
    public void Cut()
    {
        Swallow();
        lock (_gate)
        {
            _isCut = true;
            foreach (var socket in _sockets) socket.Dispose();
        }
    }

    /// <summary>Every connection stays, and nothing arrives any more, as when a machine or cable goes.</summary>
    public void Swallow() => _swallows = true;

    /// <summary>Fails in the middle of a transfer.</summary>
    public void After(long bytes, Action fail)
    {
        _whenUsedUp = fail;
        Interlocked.Exchange(ref _bytesLeft, bytes);
    }

    public void Dispose()
    {
        Cut();
        _listener.Dispose();
    }

    private void AcceptAll()
    {
        try
        {
            while (true)
            {
                var near = _listener.Accept();
                var far = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                near.NoDelay = true;
                lock (_gate)
                {
                    _sockets.AddRange([near, far]);
                    if (_isCut) return;
                }
                far.Connect(_target);
                new Thread(() => Forward(near, far)) { IsBackground = true }.Start();
                new Thread(() => Forward(far, near)) { IsBackground = true }.Start();
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private void Forward(Socket from, Socket to)
    {
        var buffer = new byte[64 * 1024];
        try
        {
            while (from.Receive(buffer) is > 0 and var received)
            {
                var before = Interlocked.Add(ref _bytesLeft, -received) + received;
                if (before > 0 && before <= received) _whenUsedUp();
                if (!_swallows) to.Send(buffer.AsSpan(0, received));
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // One end has gone: so does the other, below.
        }
        from.Dispose();
        to.Dispose();
    }
}
