using System.Runtime.Intrinsics;

namespace Volley.GpuNode.Collectives;

/// <summary>bfloat16 on the wire: the upper half of a float32, rounded to nearest, ties to even; a NaN stays one.</summary>
internal static unsafe class BFloat16
{
    private const uint QuietBit = 0x0040_0000;

    public static ushort Encode(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        // A NaN whose payload lies in the lower half alone would become an infinity.
        return float.IsNaN(value) ? (ushort)((bits | QuietBit) >> 16) : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }

    public static float Decode(ushort word) => BitConverter.UInt32BitsToSingle((uint)word << 16);

    /// <param name="floats">[count] float32.</param>
    /// <param name="words">[count] bfloat16; may not overlap.</param>
    public static void Encode(nint floats, nint words, long count)
    {
        ref var from = ref *(float*)floats;
        ref var to = ref *(ushort*)words;
        var i = 0L;
        if (Vector512.IsHardwareAccelerated)
        {
            for (; i + 32 <= count; i += 32)
                Vector512.Narrow(Round(Vector512.LoadUnsafe(ref from, (nuint)i)), Round(Vector512.LoadUnsafe(ref from, (nuint)i + 16))).StoreUnsafe(ref to, (nuint)i);
        }
        else if (Vector256.IsHardwareAccelerated)
        {
            for (; i + 16 <= count; i += 16)
                Vector256.Narrow(Round(Vector256.LoadUnsafe(ref from, (nuint)i)), Round(Vector256.LoadUnsafe(ref from, (nuint)i + 8))).StoreUnsafe(ref to, (nuint)i);
        }
        for (; i < count; i++) ((ushort*)words)[i] = Encode(((float*)floats)[i]);
    }

    /// <param name="words">[count] bfloat16.</param>
    /// <param name="floats">[count] float32; may not overlap.</param>
    public static void Decode(nint words, nint floats, long count)
    {
        ref var from = ref *(ushort*)words;
        ref var to = ref *(float*)floats;
        var i = 0L;
        if (Vector512.IsHardwareAccelerated)
        {
            for (; i + 32 <= count; i += 32)
            {
                var (low, high) = Vector512.Widen(Vector512.LoadUnsafe(ref from, (nuint)i));
                (low << 16).AsSingle().StoreUnsafe(ref to, (nuint)i);
                (high << 16).AsSingle().StoreUnsafe(ref to, (nuint)i + 16);
            }
        }
        else if (Vector256.IsHardwareAccelerated)
        {
            for (; i + 16 <= count; i += 16)
            {
                var (low, high) = Vector256.Widen(Vector256.LoadUnsafe(ref from, (nuint)i));
                (low << 16).AsSingle().StoreUnsafe(ref to, (nuint)i);
                (high << 16).AsSingle().StoreUnsafe(ref to, (nuint)i + 8);
            }
        }
        for (; i < count; i++) ((float*)floats)[i] = Decode(((ushort*)words)[i]);
    }

    private static Vector512<uint> Round(Vector512<float> value)
    {
        var bits = value.AsUInt32();
        var rounded = bits + Vector512.Create(0x7FFFu) + ((bits >>> 16) & Vector512.Create(1u));
        return Vector512.ConditionalSelect(Vector512.Equals(value, value).AsUInt32(), rounded, bits | Vector512.Create(QuietBit)) >>> 16;
    }

    private static Vector256<uint> Round(Vector256<float> value)
    {
        var bits = value.AsUInt32();
        var rounded = bits + Vector256.Create(0x7FFFu) + ((bits >>> 16) & Vector256.Create(1u));
        return Vector256.ConditionalSelect(Vector256.Equals(value, value).AsUInt32(), rounded, bits | Vector256.Create(QuietBit)) >>> 16;
    }
}
