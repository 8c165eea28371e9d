using System.Runtime.InteropServices;

namespace Volley.GpuNode.Collectives;

/// <summary>Host memory at a 64-byte boundary, as operations want it; zeroed, so that its pages are there.</summary>
internal sealed unsafe class AlignedMemory : IDisposable
{
    public AlignedMemory(long bytes)
    {
        Bytes = bytes;
        // A whole number of cache lines, so that no neighbour writes into the last one.
        var rounded = (nuint)Math.Max(64, (bytes + 63) / 64 * 64);
        Address = (nint)NativeMemory.AlignedAlloc(rounded, 64);
        NativeMemory.Clear((void*)Address, rounded);
    }

    public nint Address { get; private set; }

    public long Bytes { get; }

    public Span<T> As<T>() where T : unmanaged => new((void*)Address, (int)(Bytes / sizeof(T)));

    public void Dispose()
    {
        NativeMemory.AlignedFree((void*)Address);
        Address = 0;
    }
}
