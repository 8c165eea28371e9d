namespace Volley.GpuNode.Data.Augmentation.RandAugment;

/// <summary>Stretches each channel so that its darkest value becomes 0 and its lightest 255; as <c>PIL.ImageOps.autocontrast</c> without cut-off.</summary>
internal static class AutoContrast
{
    public static void Apply(Span<byte> pixels, ImageShape shape)
    {
        Span<byte> table = stackalloc byte[256];
        for (var channel = 0; channel < shape.Channels; channel++)
        {
            var plane = pixels.Slice(channel * shape.Plane, shape.Plane);
            byte low = 255, high = 0;
            foreach (var value in plane)
            {
                low = Math.Min(low, value);
                high = Math.Max(high, value);
            }
            if (high <= low) continue;
            var scale = 255.0 / (high - low);
            var offset = -low * scale;
            for (var value = 0; value < 256; value++) table[value] = (byte)Math.Clamp((int)(value * scale + offset), 0, 255);
            PointOperations.Map(plane, table);
        }
    }
}
