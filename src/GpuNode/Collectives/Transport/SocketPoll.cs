using System.Runtime.InteropServices;

namespace Volley.GpuNode.Collectives.Transport;

/// <summary>poll(2) over descriptors. Not the runtime's asynchronous sockets: their engine wakes a thread of its own for every arrival.</summary>
internal static partial class SocketPoll
{
    public const short Readable = 1;   // POLLIN
    public const short Writable = 4;   // POLLOUT

    [StructLayout(LayoutKind.Sequential)]
    public struct Request
    {
        public int Descriptor;
        public short Events;
        public short Returned;
    }

    /// <summary>Returns when one is ready, broken or closed, or after the timeout, or for a signal: look again whatever happened.</summary>
    public static void Wait(ReadOnlySpan<Request> requests, int timeoutMs) => _ = Poll(ref MemoryMarshal.GetReference(requests), (nuint)requests.Length, timeoutMs);

    [LibraryImport("libc", EntryPoint = "poll")]
    private static partial int Poll(ref Request requests, nuint count, int timeoutMs);
}
