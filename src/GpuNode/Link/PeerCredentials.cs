using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Volley.GpuNode.Link;

/// <summary>Who is at the other end of a Unix socket, as the kernel recorded it when the connection was made.</summary>
internal readonly record struct PeerCredentials(int Pid, uint User)
{
    private const int SolSocket = 1;
    private const int SoPeerCred = 17;

    public static PeerCredentials Of(Socket socket)
    {
        Span<int> ucred = stackalloc int[3];   // struct ucred: pid, uid, gid
        var bytes = MemoryMarshal.AsBytes(ucred);
        var read = socket.GetRawSocketOption(SolSocket, SoPeerCred, bytes);
        if (read != bytes.Length) throw new InvalidOperationException($"SO_PEERCRED gave {read} bytes; struct ucred has {bytes.Length}.");
        return new PeerCredentials(ucred[0], (uint)ucred[1]);
    }
}
