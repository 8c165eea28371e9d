using Volley.GpuNode.Data;
using Volley.GpuNode.Data.Augmentation.RandAugment;

namespace Volley.GpuNode.Tests.Data.Augmentation;

/// <summary>Every operation of RandAugment equals Pillow's, byte for byte.</summary>
public sealed class PillowOperationTests
{
    public static TheoryData<string> Names => new(Enum.GetNames<Operation>());

    [Theory]
    [MemberData(nameof(Names))]
    public void AnOperation_EqualsPillows(string operation)
    {
        var fixture = PillowFixture.ReadOperations();
        var cases = fixture.Cases.Where(one => one.Operation == operation).ToArray();

        Assert.NotEmpty(cases);
        foreach (var one in cases)
        {
            var picture = fixture.Images[one.Image];
            var shape = new ImageShape(picture.Channels, picture.Height, picture.Width);
            var pixels = PillowFixture.Planar(picture.Pixels, picture.Channels);
            Run(Enum.Parse<Operation>(operation), pixels, new byte[pixels.Length], shape, one.Argument, [.. fixture.Fill.Select(value => (byte)value)]);

            var expected = PillowFixture.Planar(one.Result, picture.Channels);
            var differing = Enumerable.Range(0, pixels.Length).Where(i => pixels[i] != expected[i]).ToArray();
            Assert.True(differing.Length == 0,
                $"{operation}({one.Argument}) on image {one.Image}: {differing.Length} of {pixels.Length} bytes differ, first at {differing.FirstOrDefault()}: {pixels[differing.FirstOrDefault()]} instead of {expected[differing.FirstOrDefault()]}, worst by {differing.Select(i => Math.Abs(pixels[i] - expected[i])).DefaultIfEmpty().Max()}.");
        }
    }

    private static void Run(Operation operation, byte[] pixels, byte[] scratch, ImageShape shape, double argument, byte[] fill)
    {
        switch (operation)
        {
            case Operation.AutoContrast: AutoContrast.Apply(pixels, shape); break;
            case Operation.Equalize: Equalize.Apply(pixels, shape); break;
            case Operation.Invert: PointOperations.Invert(pixels); break;
            case Operation.Rotate: Affine.Rotate(pixels, scratch, shape, argument, fill); break;
            case Operation.Posterize: PointOperations.Posterize(pixels, (int)argument); break;
            case Operation.Solarize: PointOperations.Solarize(pixels, (int)argument); break;
            case Operation.SolarizeAdd: PointOperations.SolarizeAdd(pixels, (int)argument); break;
            case Operation.Color: Enhance.Color(pixels, shape, argument); break;
            case Operation.Contrast: Enhance.Contrast(pixels, shape, argument); break;
            case Operation.Brightness: Enhance.Brightness(pixels, argument); break;
            case Operation.Sharpness: Enhance.Sharpness(pixels, scratch, shape, argument); break;
            case Operation.ShearX: Affine.ShearX(pixels, scratch, shape, argument, fill); break;
            case Operation.ShearY: Affine.ShearY(pixels, scratch, shape, argument, fill); break;
            case Operation.TranslateXRel: Affine.TranslateX(pixels, scratch, shape, argument * shape.Width, fill); break;
            case Operation.TranslateYRel: Affine.TranslateY(pixels, scratch, shape, argument * shape.Height, fill); break;
            default: throw new ArgumentOutOfRangeException(nameof(operation), operation, null);
        }
    }
}
