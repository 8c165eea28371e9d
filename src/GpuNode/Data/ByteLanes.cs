using System.Runtime.Intrinsics;

namespace Volley.GpuNode.Data;

/// <summary>Sixteen bytes as two times eight floats.</summary>
internal static class ByteLanes
{
    public static (Vector256<float> Low, Vector256<float> High) ToSingle(Vector128<byte> bytes)
    {
        var (lowWords, highWords) = Vector128.Widen(bytes);
        return (ToSingle(lowWords), ToSingle(highWords));
    }

    private static Vector256<float> ToSingle(Vector128<ushort> words) =>
        Vector256.ConvertToSingle(Vector256.Create(Vector128.WidenLower(words), Vector128.WidenUpper(words)).AsInt32());
}
