using Volley.Shared.Determinism;

namespace Volley.GpuNode.Data.Augmentation;

/// <summary>With a probability, sets one rectangle to the mean colour (Zhong et al. 2020; timm's constant mode, count 1).</summary>
/// <remarks>Area uniform in [0.02, 1/3] of the image, aspect log-uniform in [0.3, 1/0.3]; a rectangle that does not fit is drawn again, ten times at most.</remarks>
internal sealed class RandomErasing(ImageShape shape, double probability, ulong seed) : INormalisedAugmentation
{
    private const double SmallestArea = 0.02;
    private const double LargestArea = 1.0 / 3;
    private const double SmallestAspect = 0.3;
    private const int Attempts = 10;

    public void Apply(Span<float> pixels, int epoch, int image)
    {
        var random = KeyedRandom.For(seed, "erase", epoch, image);
        if (random.NextDouble() >= probability) return;
        if (Draw(ref random) is { } rectangle) rectangle.Clear(pixels, shape);
    }

    private Rectangle? Draw(ref KeyedRandom random)
    {
        var logAspect = Math.Log(SmallestAspect);
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            var area = (SmallestArea + random.NextDouble() * (LargestArea - SmallestArea)) * shape.Plane;
            var aspect = Math.Exp(logAspect * (1 - 2 * random.NextDouble()));
            int height = (int)Math.Round(Math.Sqrt(area * aspect)), width = (int)Math.Round(Math.Sqrt(area / aspect));
            if (height < shape.Height && width < shape.Width)
                return new(random.NextInt(shape.Height - height + 1), random.NextInt(shape.Width - width + 1), height, width);
        }
        return null;
    }
}
