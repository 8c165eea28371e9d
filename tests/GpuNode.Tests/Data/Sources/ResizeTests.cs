using Volley.GpuNode.Data.Sources;

namespace Volley.GpuNode.Tests.Data.Sources;

public sealed class ResizeTests
{
    [Fact]
    public void Resize_EqualsPillowsBicubic()
    {
        Assert.All(PillowFixture.ReadResizes().Cases, one => Assert.Equal(
            PillowFixture.Planar(one.Result, one.Channels),
            BicubicResampler.Resize(PillowFixture.Planar(one.Pixels, one.Channels), one.Channels, one.Height, one.Width, one.NewHeight, one.NewWidth)));
    }

    [Fact]
    public void ColourToGrey_EqualsPillows()
    {
        var grey = PillowFixture.ReadResizes().GreyCase;
        var colour = DecodedImage.Rgb(grey.Height, grey.Width, PillowFixture.Planar(grey.Pixels, 3));

        var shaped = ImageShaper.Shape(colour, new PrepareSettings(0, 1));

        Assert.Equal(grey.Result, shaped.Pixels);
    }

    [Fact]
    public void AWideImage_KeepsItsCentreSquare()
    {
        // Columns 0..5 hold their own number times 10; the middle four stay.
        var row = Enumerable.Range(0, 6).Select(column => (byte)(column * 10)).ToArray();
        var wide = DecodedImage.Grey(4, 6, [.. Enumerable.Repeat(row, 4).SelectMany(one => one)]);

        var shaped = ImageShaper.Shape(wide, new PrepareSettings(4, 3));

        Assert.Equal((3, 4, 4), (shaped.Channels, shaped.Height, shaped.Width));
        Assert.Equal(Enumerable.Repeat(new byte[] { 10, 20, 30, 40 }, 12).SelectMany(one => one), shaped.Pixels);
    }
}
