using Volley.Shared.Determinism;

namespace Volley.GpuNode.Data.Augmentation.RandAugment;

/// <summary>RandAugment: for each layer one operation, drawn with replacement, applied with a probability, its strength from the recipe's magnitude.</summary>
/// <remarks>Strengths as timm 0.6.12 (<c>auto_augment.py</c>) maps them; the numbers drawn per layer are always four, so one setting does not shift another's.</remarks>
internal sealed class RandomOperations(Recipe recipe, ImageShape shape, byte[] fill, ulong seed) : IPixelAugmentation
{
    public void Apply(Span<byte> pixels, Span<byte> scratch, int epoch, int image)
    {
        var random = KeyedRandom.For(seed, "randaugment", epoch, image);
        for (var layer = 0; layer < recipe.Layers; layer++)
        {
            var operation = recipe.Operations[random.NextInt(recipe.Operations.Count)];
            var isApplied = random.NextDouble() < recipe.Probability;
            var magnitude = Math.Clamp(recipe.Magnitude + recipe.MagnitudeStd * random.NextGaussian(), 0, recipe.MagnitudeMax);
            var sign = random.NextInt(2) == 0 ? 1 : -1;
            if (isApplied) Run(operation, pixels, scratch, magnitude / Recipe.LevelDenominator, sign);
        }
    }

    /// <param name="level">Magnitude over 10.</param>
    /// <param name="sign">Of what has a direction.</param>
    private void Run(Operation operation, Span<byte> pixels, Span<byte> scratch, double level, int sign)
    {
        switch (operation)
        {
            case Operation.AutoContrast: AutoContrast.Apply(pixels, shape); break;
            case Operation.Equalize: Equalize.Apply(pixels, shape); break;
            case Operation.Invert: PointOperations.Invert(pixels); break;
            case Operation.Posterize: PointOperations.Posterize(pixels, PosterizeBits(level)); break;
            case Operation.Solarize: PointOperations.Solarize(pixels, SolarizeThreshold(level)); break;
            case Operation.SolarizeAdd: PointOperations.SolarizeAdd(pixels, Math.Min(128, (int)(level * 110))); break;
            case Operation.Color: Enhance.Color(pixels, shape, EnhanceFactor(level, sign)); break;
            case Operation.Contrast: Enhance.Contrast(pixels, shape, EnhanceFactor(level, sign)); break;
            case Operation.Brightness: Enhance.Brightness(pixels, EnhanceFactor(level, sign)); break;
            case Operation.Sharpness: Enhance.Sharpness(pixels, scratch, shape, EnhanceFactor(level, sign)); break;
            case Operation.Rotate: Affine.Rotate(pixels, scratch, shape, sign * level * 30, fill); break;
            case Operation.ShearX: Affine.ShearX(pixels, scratch, shape, sign * level * 0.3, fill); break;
            case Operation.ShearY: Affine.ShearY(pixels, scratch, shape, sign * level * 0.3, fill); break;
            case Operation.TranslateXRel: Affine.TranslateX(pixels, scratch, shape, sign * level * 0.45 * shape.Width, fill); break;
            case Operation.TranslateYRel: Affine.TranslateY(pixels, scratch, shape, sign * level * 0.45 * shape.Height, fill); break;
            default: throw new ArgumentOutOfRangeException(nameof(operation), operation, null);
        }
    }

    private double EnhanceFactor(double level, int sign) =>
        recipe.IsIncreasing ? Math.Max(0.1, 1 + sign * level * 0.9) : level * 1.8 + 0.1;

    private int PosterizeBits(double level) => recipe.IsIncreasing ? 4 - (int)(level * 4) : (int)(level * 4);

    private int SolarizeThreshold(double level)
    {
        var threshold = Math.Min(256, (int)(level * 256));
        return recipe.IsIncreasing ? 256 - threshold : threshold;
    }
}
