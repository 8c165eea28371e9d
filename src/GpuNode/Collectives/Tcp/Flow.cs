using System.Net.Sockets;
using Volley.GpuNode.Collectives.Transport;

namespace Volley.GpuNode.Collectives.Tcp;

/// <summary>What a flow moves next.</summary>
internal enum NextBlock { Ready, NotYet, Over }

/// <summary>One direction of one connection during one operation: blocks of memory, in order, as they become ready.</summary>
internal abstract unsafe class Flow(Socket socket, int peer)
{
    // One call moves no more, so that the other flows get their turn while this one could go on.
    private const int MaxBytesPerCall = 256 * 1024;

    private nint _at;
    private long _left;

    public Socket Socket => socket;

    public int Descriptor { get; } = (int)socket.Handle;

    /// <summary>Position in the mesh.</summary>
    public int Peer => peer;

    public bool IsOver { get; private set; }

    /// <summary>Nothing moves before the connection is ready again.</summary>
    public bool IsBlocked { get; private set; }

    public abstract short Waits { get; }

    /// <summary>Moves what can be moved now.</summary>
    /// <returns>Whether anything was.</returns>
    /// <exception cref="SocketException">The connection has ended.</exception>
    public bool Advance()
    {
        IsBlocked = false;
        if (IsOver) return false;
        if (_left == 0)
        {
            switch (Next(out _at, out _left))
            {
                case NextBlock.NotYet: return false;
                case NextBlock.Over:
                    IsOver = true;
                    return false;
            }
        }
        var moved = _left == 0 ? 0 : Move(socket, (void*)_at, (int)Math.Min(_left, MaxBytesPerCall));
        if (moved < 0)
        {
            IsBlocked = true;
            return false;
        }
        _at += moved;
        _left -= moved;
        Moved(moved);
        if (_left == 0) BlockDone();
        return true;
    }

    /// <param name="at">Where the next block lies, or goes.</param>
    protected abstract NextBlock Next(out nint at, out long bytes);

    /// <returns>Bytes moved; −1: it would block.</returns>
    protected abstract int Move(Socket socket, void* at, int bytes);

    protected virtual void Moved(int bytes) { }

    protected virtual void BlockDone() { }
}

internal abstract unsafe class SendFlow(Socket socket, int peer) : Flow(socket, peer)
{
    public override short Waits => SocketPoll.Writable;

    protected override int Move(Socket socket, void* at, int bytes)
    {
        var sent = socket.Send(new ReadOnlySpan<byte>(at, bytes), SocketFlags.None, out var error);
        if (error == SocketError.WouldBlock) return -1;
        return error == SocketError.Success ? sent : throw new SocketException((int)error);
    }
}

internal abstract unsafe class ReceiveFlow(Socket socket, int peer) : Flow(socket, peer)
{
    public override short Waits => SocketPoll.Readable;

    protected override int Move(Socket socket, void* at, int bytes)
    {
        var received = socket.Receive(new Span<byte>(at, bytes), SocketFlags.None, out var error);
        if (error == SocketError.WouldBlock) return -1;
        if (error != SocketError.Success) throw new SocketException((int)error);
        return received > 0 ? received : throw new SocketException((int)SocketError.ConnectionReset);
    }
}

/// <summary>One block, which is ready.</summary>
internal class GiveBlock(Socket socket, int peer, nint from, long length) : SendFlow(socket, peer)
{
    private bool _isGiven = length == 0;

    protected override NextBlock Next(out nint at, out long bytes)
    {
        (at, bytes) = (from, length);
        if (_isGiven) return NextBlock.Over;
        _isGiven = true;
        return NextBlock.Ready;
    }
}

/// <summary>One block, to where there is room for it.</summary>
internal class TakeBlock(Socket socket, int peer, nint to, long length) : ReceiveFlow(socket, peer)
{
    private bool _isGiven = length == 0;

    protected override NextBlock Next(out nint at, out long bytes)
    {
        (at, bytes) = (to, length);
        if (_isGiven) return NextBlock.Over;
        _isGiven = true;
        return NextBlock.Ready;
    }
}
