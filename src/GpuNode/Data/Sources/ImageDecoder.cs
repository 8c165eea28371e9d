using System.Runtime.InteropServices;
using SkiaSharp;
using Volley.Shared;

namespace Volley.GpuNode.Data.Sources;

/// <summary>JPEG and PNG bytes to RGB pixels. Transparency is dropped and the orientation tag not followed, as Pillow's <c>convert("RGB")</c>.</summary>
internal static class ImageDecoder
{
    // A small file can claim a huge image; more than this is refused before memory is taken.
    private const long MostPixels = 50_000_000;

    public static bool IsImageName(string name) =>
        Path.GetExtension(name).ToLowerInvariant() is ".jpg" or ".jpeg" or ".png";

    /// <param name="name">For messages.</param>
    public static DecodedImage Decode(ReadOnlyMemory<byte> file, string name)
    {
        using var data = SKData.CreateCopy(file.Span);
        using var codec = file.Length == 0 ? null : SKCodec.Create(data);
        if (codec is null)
            throw new UserErrorException($"{name}: is not a readable JPEG or PNG image ({Describe(file.Span)}).");
        int height = codec.Info.Height, width = codec.Info.Width;
        if ((long)height * width > MostPixels)
            throw new UserErrorException($"{name}: has {width}×{height} pixels; at most {MostPixels / 1_000_000} megapixels are read.");
        var interleaved = new byte[height * width * 4];
        var pinned = GCHandle.Alloc(interleaved, GCHandleType.Pinned);
        SKCodecResult result;
        try
        {
            result = codec.GetPixels(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul), pinned.AddrOfPinnedObject());
        }
        finally
        {
            pinned.Free();
        }
        return result switch
        {
            SKCodecResult.Success => Planar(interleaved, height, width),
            SKCodecResult.IncompleteInput => throw new UserErrorException($"{name}: is cut off: {file.Length:N0} bytes hold only part of its {width}×{height} pixels."),
            _ => throw new UserErrorException($"{name}: could not be decoded ({result}): the image is damaged."),
        };
    }

    private static DecodedImage Planar(byte[] rgba, int height, int width)
    {
        var plane = height * width;
        var planar = new byte[3 * plane];
        Span<byte> red = planar.AsSpan(0, plane), green = planar.AsSpan(plane, plane), blue = planar.AsSpan(2 * plane, plane);
        for (var i = 0; i < plane; i++)
        {
            red[i] = rgba[4 * i];
            green[i] = rgba[4 * i + 1];
            blue[i] = rgba[4 * i + 2];
        }
        return DecodedImage.Rgb(height, width, planar);
    }

    private static string Describe(ReadOnlySpan<byte> file) => file.Length switch
    {
        0 => "the file is empty",
        < 4 => $"the file has {file.Length} bytes",
        _ => $"its {file.Length:N0} bytes begin with {Convert.ToHexStringLower(file[..4])}",
    };
}
