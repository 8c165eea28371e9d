using Volley.GpuNode.Data.Sources;

namespace Volley.GpuNode.Data.Augmentation.RandAugment;

/// <summary>Moves an image away from (factor above 1) or towards (below 1) a poorer version of itself; as <c>PIL.ImageEnhance</c>.</summary>
internal static class Enhance
{
    /// <summary>Poorer: grey.</summary>
    public static void Color(Span<byte> pixels, ImageShape shape, double factor)
    {
        if (shape.Channels == 1) return;
        for (var i = 0; i < shape.Plane; i++)
        {
            var grey = ImageShaper.Luma(pixels[i], pixels[shape.Plane + i], pixels[2 * shape.Plane + i]);
            for (var channel = 0; channel < 3; channel++)
            {
                ref var value = ref pixels[channel * shape.Plane + i];
                value = Blend(grey, value, (float)factor);
            }
        }
    }

    /// <summary>Poorer: the mean grey everywhere.</summary>
    public static void Contrast(Span<byte> pixels, ImageShape shape, double factor)
    {
        long sum = 0;
        for (var i = 0; i < shape.Plane; i++)
            sum += shape.Channels == 1 ? pixels[i] : ImageShaper.Luma(pixels[i], pixels[shape.Plane + i], pixels[2 * shape.Plane + i]);
        BlendAll((byte)((double)sum / shape.Plane + 0.5), pixels, factor);
    }

    /// <summary>Poorer: black.</summary>
    public static void Brightness(Span<byte> pixels, double factor) => BlendAll(0, pixels, factor);

    /// <summary>Poorer: smoothed by a 3×3 kernel of ones with a 5 in the middle; the border stays as it is.</summary>
    public static void Sharpness(Span<byte> pixels, Span<byte> scratch, ImageShape shape, double factor)
    {
        pixels.CopyTo(scratch);
        for (var channel = 0; channel < shape.Channels; channel++)
        {
            ReadOnlySpan<byte> source = scratch.Slice(channel * shape.Plane, shape.Plane);
            var target = pixels.Slice(channel * shape.Plane, shape.Plane);
            for (var row = 1; row < shape.Height - 1; row++)
            {
                for (var column = 1; column < shape.Width - 1; column++)
                {
                    var at = row * shape.Width + column;
                    var sum = Three(source, at - shape.Width) + Three(source, at) + Three(source, at + shape.Width) + 4 * source[at];
                    // Rounded to nearest; a tie cannot occur, 13 is odd.
                    target[at] = Blend((2 * sum + 13) / 26, source[at], (float)factor);
                }
            }
        }
    }

    private static int Three(ReadOnlySpan<byte> plane, int middle) => plane[middle - 1] + plane[middle] + plane[middle + 1];

    private static void BlendAll(byte poorer, Span<byte> pixels, double factor)
    {
        Span<byte> table = stackalloc byte[256];
        for (var value = 0; value < 256; value++) table[value] = Blend(poorer, value, (float)factor);
        PointOperations.Map(pixels, table);
    }

    /// <summary>In F32, cut to 0..255, then truncated.</summary>
    private static byte Blend(int poorer, int value, float factor) => (byte)Math.Clamp(poorer + factor * (value - poorer), 0f, 255f);
}
