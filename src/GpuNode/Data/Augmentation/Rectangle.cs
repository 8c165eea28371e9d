namespace Volley.GpuNode.Data.Augmentation;

/// <summary>A part of an image, clipped to it.</summary>
internal readonly record struct Rectangle(int Top, int Left, int Height, int Width)
{
    public int Area => Height * Width;

    /// <summary>The part of a box that lies inside the image; its sides may lie outside.</summary>
    public static Rectangle Clipped(ImageShape shape, int top, int left, int bottom, int right)
    {
        int firstRow = Math.Clamp(top, 0, shape.Height), firstColumn = Math.Clamp(left, 0, shape.Width);
        return new(firstRow, firstColumn, Math.Clamp(bottom, 0, shape.Height) - firstRow, Math.Clamp(right, 0, shape.Width) - firstColumn);
    }

    public void Clear(Span<float> pixels, ImageShape shape)
    {
        for (var channel = 0; channel < shape.Channels; channel++)
            for (var row = Top; row < Top + Height; row++)
                pixels.Slice((channel * shape.Height + row) * shape.Width + Left, Width).Clear();
    }

    /// <summary>Copies this part of <paramref name="from"/> to the same place of <paramref name="to"/>.</summary>
    public void Copy(ReadOnlySpan<byte> from, Span<byte> to, ImageShape shape)
    {
        for (var channel = 0; channel < shape.Channels; channel++)
        {
            for (var row = Top; row < Top + Height; row++)
            {
                var at = (channel * shape.Height + row) * shape.Width + Left;
                from.Slice(at, Width).CopyTo(to[at..]);
            }
        }
    }
}
