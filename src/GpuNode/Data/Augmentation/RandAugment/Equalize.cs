namespace Volley.GpuNode.Data.Augmentation.RandAugment;

/// <summary>Flattens each channel's histogram; as <c>PIL.ImageOps.equalize</c>, whose steps are whole numbers.</summary>
internal static class Equalize
{
    public static void Apply(Span<byte> pixels, ImageShape shape)
    {
        Span<int> histogram = stackalloc int[256];
        Span<byte> table = stackalloc byte[256];
        for (var channel = 0; channel < shape.Channels; channel++)
        {
            var plane = pixels.Slice(channel * shape.Plane, shape.Plane);
            PointOperations.Count(plane, histogram);
            var last = histogram.LastIndexOfAnyExcept(0);
            // The lightest value is left out of the sum, so that it becomes 255.
            var step = (plane.Length - histogram[last]) / 255;
            if (step == 0) continue;
            var below = step / 2;
            for (var value = 0; value < 256; value++)
            {
                table[value] = (byte)Math.Min(255, below / step);
                below += histogram[value];
            }
            PointOperations.Map(plane, table);
        }
    }
}
