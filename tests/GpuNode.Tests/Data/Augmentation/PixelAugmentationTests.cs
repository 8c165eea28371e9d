using Volley.GpuNode.Data;
using Volley.GpuNode.Data.Augmentation;
using Volley.Shared.Config;

namespace Volley.GpuNode.Tests.Data.Augmentation;

public sealed class PixelAugmentationTests
{
    private static readonly ImageShape Shape = new(2, 5, 6);

    [Fact]
    public void Crop_ShiftsByEveryDistance_AndPadsWithBlack()
    {
        var image = Enumerable.Range(1, Shape.Bytes).Select(i => (byte)i).ToArray();
        for (var top = -4; top <= 4; top++)
        {
            for (var left = -5; left <= 5; left++)
            {
                var shifted = (byte[])image.Clone();
                RandomCrop.Shift(shifted, new byte[Shape.Bytes], Shape, top, left);

                Assert.Equal(Shifted(image, top, left), shifted);
            }
        }
    }

    [Fact]
    public void Crop_UsesAllPlacesAlike()
    {
        var crop = new RandomCrop(new ImageShape(1, 9, 9), 2, seed: 4);
        var places = new Dictionary<int, int>();
        for (var image = 0; image < 5000; image++)
        {
            var pixels = new byte[81];
            pixels[4 * 9 + 4] = 1;
            crop.Apply(pixels, new byte[81], 0, image);
            var at = Array.IndexOf(pixels, (byte)1);
            places[at] = places.GetValueOrDefault(at) + 1;
        }

        Assert.Equal(25, places.Count);
        Assert.All(places.Values, count => Assert.InRange(count, 140, 260));
    }

    [Fact]
    public void Flip_MirrorsRows_OfHalfTheImages()
    {
        var flip = new HorizontalFlip(Shape, seed: 1);
        var image = Enumerable.Range(0, Shape.Bytes).Select(i => (byte)i).ToArray();
        byte[] mirrored = [.. image.Chunk(6).SelectMany(row => row.Reverse())];
        var flipped = 0;
        for (var i = 0; i < 1000; i++)
        {
            var pixels = (byte[])image.Clone();
            flip.Apply(pixels, [], 0, i);
            if (pixels.AsSpan().SequenceEqual(mirrored)) flipped++;
            else Assert.Equal(image, pixels);
        }

        Assert.InRange(flipped, 440, 560);
    }

    [Fact]
    public void Cutout_ClearsASquareThatMayHangOver()
    {
        var shape = new ImageShape(3, 16, 16);
        var cutout = new Cutout(shape, 8, seed: 2);
        var areas = new HashSet<int>();
        for (var image = 0; image < 4000; image++)
        {
            var pixels = Enumerable.Repeat(1f, shape.Bytes).ToArray();
            cutout.Apply(pixels, 0, image);
            var cleared = pixels.Count(value => value == 0);
            Assert.Equal(0, cleared % 3);
            areas.Add(cleared / 3);
        }

        Assert.Equal(64, areas.Max());
        Assert.Equal(16, areas.Min()); // centre in the corner: a 4×4 part is inside
    }

    [Fact]
    public void RandomErasing_ErasesOneRectangle_WithItsProbability()
    {
        var shape = new ImageShape(3, 32, 32);
        var erasing = new RandomErasing(shape, 0.25, seed: 2);
        var erased = 0;
        for (var image = 0; image < 2000; image++)
        {
            var pixels = Enumerable.Repeat(1f, shape.Bytes).ToArray();
            erasing.Apply(pixels, 0, image);
            var area = pixels.Count(value => value == 0) / 3.0 / shape.Plane;
            if (area == 0) continue;
            erased++;
            Assert.InRange(area, 0.015, 0.35);
        }

        Assert.InRange(erased, 430, 570);
    }

    [Fact]
    public void EverySettingThatMakesNoSense_IsReportedAtOnce()
    {
        var spec = new AugmentSpec { Crop = 40, Cutout = -1, RandomErasing = 2, Mixup = -1, Cutmix = double.NaN, MixupOffEpoch = -2, Randaugment = "foo" };

        var error = Assert.Throws<ConfigException>(() => new AugmentationPipeline(spec, new ImageShape(3, 32, 32), [0, 0, 0], 0, 1));

        Assert.Equal(
            ["crop", "cutmix", "cutout", "mixup", "mixup_off_epoch", "randaugment", "random_erasing"],
            error.Problems.Select(problem => problem.Key["train.augment.".Length..]).Order(StringComparer.Ordinal));
    }

    private static byte[] Shifted(byte[] image, int top, int left)
    {
        var result = new byte[image.Length];
        for (var channel = 0; channel < Shape.Channels; channel++)
            for (var row = 0; row < Shape.Height; row++)
                for (var column = 0; column < Shape.Width; column++)
                    if (row + top >= 0 && row + top < Shape.Height && column + left >= 0 && column + left < Shape.Width)
                        result[(channel * Shape.Height + row) * Shape.Width + column] = image[(channel * Shape.Height + row + top) * Shape.Width + column + left];
        return result;
    }
}
