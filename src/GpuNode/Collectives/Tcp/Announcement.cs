using System.Net.Sockets;

namespace Volley.GpuNode.Collectives.Tcp;

/// <summary>
/// Every operation begins with its signature on the contributions' connection, both ways, whatever follows: ranks that do not begin the
/// same thing find out before they wait for each other's data.
/// </summary>
internal static unsafe class Announcement
{
    /// <summary>A cache line; the rest of it is zero.</summary>
    public const int Bytes = 64;

    public static void Write(nint at, Operation operation)
    {
        new Span<byte>((void*)at, Bytes).Clear();
        *(OperationSignature*)at = operation.Signature;
    }

    /// <exception cref="InvalidOperationException">The peer began something else.</exception>
    public static void Check(nint at, Operation operation, int own, int peer) => OperationSignature.RequireEqual(operation, own, *(OperationSignature*)at, peer);
}

/// <summary>The announcement, then data.</summary>
/// <param name="announcement">Written already.</param>
internal class AnnouncedSend(Socket socket, int peer, nint announcement) : SendFlow(socket, peer)
{
    private bool _isAnnounced;

    protected sealed override NextBlock Next(out nint at, out long bytes)
    {
        if (_isAnnounced) return NextData(out at, out bytes);
        (_isAnnounced, at, bytes) = (true, announcement, Announcement.Bytes);
        return NextBlock.Ready;
    }

    protected virtual NextBlock NextData(out nint at, out long bytes)
    {
        (at, bytes) = (0, 0);
        return NextBlock.Over;
    }
}

/// <summary>The peer's announcement, then its data.</summary>
/// <param name="announcement">Room for it.</param>
internal class AnnouncedReceive(Socket socket, int peer, nint announcement, Operation operation, int own) : ReceiveFlow(socket, peer)
{
    private bool _isAnnounced;
    private bool _isChecked;

    protected sealed override NextBlock Next(out nint at, out long bytes)
    {
        if (_isAnnounced) return NextData(out at, out bytes);
        (_isAnnounced, at, bytes) = (true, announcement, Announcement.Bytes);
        return NextBlock.Ready;
    }

    protected sealed override void BlockDone()
    {
        if (_isChecked)
        {
            DataDone();
            return;
        }
        Announcement.Check(announcement, operation, own, Peer);
        _isChecked = true;
    }

    protected virtual NextBlock NextData(out nint at, out long bytes)
    {
        (at, bytes) = (0, 0);
        return NextBlock.Over;
    }

    protected virtual void DataDone() { }
}
