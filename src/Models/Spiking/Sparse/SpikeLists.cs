using System.Numerics;
using System.Runtime.Intrinsics;
using Volley.Models.Spiking.Fused;
using static TorchSharp.torch;

namespace Volley.Models.Spiking.Sparse;

/// <summary>Which channels spike at each pixel: all that a convolution needs to know of a map of zeros and ones.</summary>
/// <param name="Images">M, time steps folded in.</param>
/// <param name="Pixels">Of one image, row by row.</param>
/// <param name="Starts">Pixel p of image m owns <see cref="Active"/>[Starts[m·Pixels + p] … Starts[m·Pixels + p + 1]).</param>
/// <param name="Active">Channel numbers, rising within a pixel.</param>
internal sealed record SpikeLists(int Images, int Pixels, int Channels, int[] Starts, ushort[] Active)
{
    /// <summary>Spikes per channel and pixel.</summary>
    public double Rate => Active.Length / ((double)Images * Pixels * Channels);

    /// <param name="x_MCHW">fp32 on the CPU, channels last in memory, C a multiple of 16. Borrowed.</param>
    /// <param name="highestRate">Above it nothing is listed.</param>
    /// <returns>Null where a value is neither 0 nor 1, or more spike than <paramref name="highestRate"/>.</returns>
    public static unsafe SpikeLists? Of(Tensor x_MCHW, double highestRate)
    {
        var shape = x_MCHW.shape;
        var (images, channels, pixels) = ((int)shape[0], (int)shape[1], (int)(shape[2] * shape[3]));
        var x = TensorMemory.Pointer<float>(x_MCHW);
        var starts = new int[(long)images * pixels + 1];
        var isBinary = true;
        Chunks.Run(images, 1, (image, _, _) =>
        {
            for (var p = (long)image * pixels; p < (image + 1L) * pixels; p++)
            {
                if (Count(x + p * channels, channels) is not { } count)
                {
                    Volatile.Write(ref isBinary, false);
                    return;
                }
                starts[p + 1] = count;
            }
        });
        if (!isBinary) return null;
        var total = 0L;
        for (var p = 1; p < starts.Length; p++)
        {
            total += starts[p];
            starts[p] = (int)Math.Min(total, int.MaxValue);
        }
        if (total > highestRate * images * pixels * channels || total > int.MaxValue) return null;

        var active = GC.AllocateUninitializedArray<ushort>((int)total);
        Chunks.Run(images, 1, (image, _, _) =>
        {
            fixed (ushort* all = active)
            {
                for (var p = (long)image * pixels; p < (image + 1L) * pixels; p++)
                    if (starts[p + 1] > starts[p]) List(x + p * channels, channels, all + starts[p]);
            }
        });
        GC.KeepAlive(x_MCHW);
        return new SpikeLists(images, pixels, channels, starts, active);
    }

    /// <returns>Ones among the values; null where one is neither 0 nor 1.</returns>
    private static unsafe int? Count(float* values, int channels)
    {
        var count = 0;
        for (var c = 0; c < channels; c += Vector512<float>.Count)
        {
            var v = Vector512.Load(values + c);
            var ones = Vector512.Equals(v, Vector512<float>.One);
            if ((ones | Vector512.Equals(v, Vector512<float>.Zero)).ExtractMostSignificantBits() != ushort.MaxValue) return null;
            count += BitOperations.PopCount(ones.ExtractMostSignificantBits());
        }
        return count;
    }

    private static unsafe void List(float* values, int channels, ushort* next)
    {
        for (var c = 0; c < channels; c += Vector512<float>.Count)
        {
            for (var ones = Vector512.Equals(Vector512.Load(values + c), Vector512<float>.One).ExtractMostSignificantBits(); ones != 0; ones &= ones - 1)
                *next++ = (ushort)(c + BitOperations.TrailingZeroCount(ones));
        }
    }
}
