namespace Volley.GpuNode.Data.Augmentation.RandAugment;

/// <summary>Operations that look at one value at a time; as <c>PIL.ImageOps</c> (and timm's solarize_add).</summary>
internal static class PointOperations
{
    public static void Invert(Span<byte> pixels)
    {
        foreach (ref var value in pixels) value = (byte)(255 - value);
    }

    /// <param name="bits">Upper bits that stay; 0 or fewer blacken the image, 8 or more change nothing.</param>
    public static void Posterize(Span<byte> pixels, int bits)
    {
        if (bits >= 8) return;
        var mask = (byte)(0xFF << (8 - Math.Max(0, bits)));
        foreach (ref var value in pixels) value &= mask;
    }

    /// <summary>Inverts the values at and above the threshold.</summary>
    public static void Solarize(Span<byte> pixels, int threshold)
    {
        foreach (ref var value in pixels)
            if (value >= threshold) value = (byte)(255 - value);
    }

    /// <summary>Adds to the values below 128.</summary>
    public static void SolarizeAdd(Span<byte> pixels, int add)
    {
        foreach (ref var value in pixels)
            if (value < 128) value = (byte)Math.Min(255, value + add);
    }

    public static void Map(Span<byte> pixels, ReadOnlySpan<byte> table)
    {
        foreach (ref var value in pixels) value = table[value];
    }

    public static void Count(ReadOnlySpan<byte> plane, Span<int> histogram)
    {
        histogram.Clear();
        foreach (var value in plane) histogram[value]++;
    }
}
