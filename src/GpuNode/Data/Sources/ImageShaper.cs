namespace Volley.GpuNode.Data.Sources;

/// <summary>Brings an image to the wanted channels and size.</summary>
/// <remarks>
/// Size: the largest centred square is cut out and resized with an antialiased bicubic filter (<see cref="BicubicResampler"/>), so
/// nothing is stretched. Grey to colour repeats the channel; colour to grey is luma, (19595 R + 38470 G + 7471 B + 2¹⁵) / 2¹⁶
/// (ITU-R 601), as Pillow computes it.
/// </remarks>
internal static class ImageShaper
{
    public static DecodedImage Shape(DecodedImage image, PrepareSettings settings)
    {
        if (settings.Channels == 1) image = ToGrey(image);
        if (settings.ImageSize > 0 && (image.Height != settings.ImageSize || image.Width != settings.ImageSize))
        {
            image = CentreSquare(image);
            if (image.Height != settings.ImageSize)
                image = image with
                {
                    Height = settings.ImageSize,
                    Width = settings.ImageSize,
                    Pixels = BicubicResampler.Resize(image.Pixels, image.Channels, image.Height, image.Width, settings.ImageSize, settings.ImageSize),
                };
        }
        return settings.Channels == 3 ? ToColour(image) : image;
    }

    public static byte Luma(int red, int green, int blue) => (byte)((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16);

    private static DecodedImage ToGrey(DecodedImage image)
    {
        if (image.Channels == 1) return image;
        var plane = image.Height * image.Width;
        var grey = new byte[plane];
        for (var i = 0; i < plane; i++)
            grey[i] = Luma(image.Pixels[i], image.Pixels[plane + i], image.Pixels[2 * plane + i]);
        return DecodedImage.Grey(image.Height, image.Width, grey);
    }

    private static DecodedImage ToColour(DecodedImage image)
    {
        if (image.Channels == 3) return image;
        byte[] colour = [.. image.Pixels, .. image.Pixels, .. image.Pixels];
        return new(3, image.Height, image.Width, colour, IsGrey: true);
    }

    private static DecodedImage CentreSquare(DecodedImage image)
    {
        var edge = Math.Min(image.Height, image.Width);
        if (edge == image.Height && edge == image.Width) return image;
        int top = (image.Height - edge) / 2, left = (image.Width - edge) / 2;
        var square = new byte[image.Channels * edge * edge];
        for (var channel = 0; channel < image.Channels; channel++)
            for (var row = 0; row < edge; row++)
                image.Pixels.AsSpan((channel * image.Height + top + row) * image.Width + left, edge)
                    .CopyTo(square.AsSpan((channel * edge + row) * edge));
        return image with { Height = edge, Width = edge, Pixels = square };
    }
}
