using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Volley.GpuNode.Data;

/// <summary>Bytes 0..255 to floats of about zero mean and unit spread: (value / 255 − mean) / std, per channel.</summary>
/// <remarks>
/// Computed as value · scale + shift with a rounding after the product and after the sum, never fused: the same bits on every machine,
/// vector or scalar.
/// </remarks>
internal sealed class Normalisation
{
    private readonly float[] _scale;
    private readonly float[] _shift;

    public Normalisation(IReadOnlyList<double> mean, IReadOnlyList<double> std)
    {
        _scale = [.. std.Select(deviation => (float)(1 / (255 * deviation)))];
        _shift = [.. mean.Zip(std, (average, deviation) => (float)(-average / deviation))];
    }

    /// <param name="image">[C, H, W].</param>
    /// <param name="result">[C, H, W].</param>
    public void Apply(ReadOnlySpan<byte> image, Span<float> result)
    {
        var plane = image.Length / _scale.Length;
        for (var channel = 0; channel < _scale.Length; channel++)
            ApplyPlane(image.Slice(channel * plane, plane), result.Slice(channel * plane, plane), _scale[channel], _shift[channel]);
    }

    private static void ApplyPlane(ReadOnlySpan<byte> plane, Span<float> result, float scale, float shift)
    {
        var i = 0;
        if (Vector256.IsHardwareAccelerated)
        {
            ref var source = ref MemoryMarshal.GetReference(plane);
            ref var target = ref MemoryMarshal.GetReference(result);
            var scales = Vector256.Create(scale);
            var shifts = Vector256.Create(shift);
            for (; i <= plane.Length - Vector128<byte>.Count; i += Vector128<byte>.Count)
            {
                var (low, high) = ByteLanes.ToSingle(Vector128.LoadUnsafe(ref source, (nuint)i));
                (low * scales + shifts).StoreUnsafe(ref target, (nuint)i);
                (high * scales + shifts).StoreUnsafe(ref target, (nuint)(i + Vector256<float>.Count));
            }
        }
        for (; i < plane.Length; i++) result[i] = plane[i] * scale + shift;
    }
}
