using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;

namespace Volley.Shared.Determinism;

/// <summary>Derives seeds from seeds: the same parts give the same 64 bits in every process, on every machine.</summary>
/// <remarks>
/// XxHash3 over the length-prefixed purpose and the little-endian parts. DESIGN §4: every random number belongs to
/// (seed, purpose, position), so no generator's state is ever saved.
/// </remarks>
public static class Seeds
{
    /// <param name="purpose">What the numbers are for: "init", "shuffle", "augment", "dropout", "search", …</param>
    public static ulong Derive(ulong seed, string purpose, params ReadOnlySpan<long> position)
    {
        var text = Encoding.UTF8.GetByteCount(purpose);
        Span<byte> key = stackalloc byte[12 + text + 8 * position.Length];
        BinaryPrimitives.WriteUInt64LittleEndian(key, seed);
        BinaryPrimitives.WriteInt32LittleEndian(key[8..], text);
        Encoding.UTF8.GetBytes(purpose, key[12..]);
        for (var i = 0; i < position.Length; i++)
            BinaryPrimitives.WriteInt64LittleEndian(key[(12 + text + 8 * i)..], position[i]);
        return XxHash3.HashToUInt64(key);
    }
}
