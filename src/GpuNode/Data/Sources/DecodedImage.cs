namespace Volley.GpuNode.Data.Sources;

/// <summary>One image as bytes.</summary>
/// <param name="Pixels">[Channels, Height, Width], 0..255.</param>
/// <param name="IsGrey">All channels are equal (or there is one).</param>
internal sealed record DecodedImage(int Channels, int Height, int Width, byte[] Pixels, bool IsGrey)
{
    public static DecodedImage Grey(int height, int width, byte[] pixels) => new(1, height, width, pixels, IsGrey: true);

    public static DecodedImage Rgb(int height, int width, byte[] pixels)
    {
        var plane = height * width;
        var isGrey = pixels.AsSpan(0, plane).SequenceEqual(pixels.AsSpan(plane, plane))
            && pixels.AsSpan(0, plane).SequenceEqual(pixels.AsSpan(2 * plane, plane));
        return new(3, height, width, pixels, isGrey);
    }
}
