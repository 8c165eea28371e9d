using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Volley.Models.Spiking.Fused;

/// <summary>Sums per channel over one chunk: a stripe in the element type, emptied into a stripe of doubles every few stripes.</summary>
internal readonly struct StripeSum<T>(int stripe) where T : unmanaged, INumber<T>
{
    private readonly T[] _recent = new T[stripe];

    public double[] Total { get; } = new double[stripe];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(int position, Vector512<T> values)
    {
        ref var place = ref Unsafe.Add(ref System.Runtime.InteropServices.MemoryMarshal.GetArrayDataReference(_recent), position);
        (Vector512.LoadUnsafe(ref place) + values).StoreUnsafe(ref place);
    }

    public void Flush()
    {
        for (var i = 0; i < _recent.Length; i++) Total[i] += double.CreateChecked(_recent[i]);
        Array.Clear(_recent);
    }
}
