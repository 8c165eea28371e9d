using Volley.GpuNode.Data.Augmentation.RandAugment;
using Volley.Shared.Config;

namespace Volley.GpuNode.Data.Augmentation;

/// <summary>A trial's augmentations, built once from its specification, in the order in which they are applied. Serves all threads.</summary>
internal sealed class AugmentationPipeline
{
    /// <param name="mean">Per channel, in 0..1: the colour that rotation and the like fill with.</param>
    /// <exception cref="ConfigException">Every setting that makes no sense for these images.</exception>
    public AugmentationPipeline(AugmentSpec spec, ImageShape shape, IReadOnlyList<double> mean, double labelSmoothing, ulong seed)
    {
        var recipe = Check(spec, shape);
        (Shape, LabelSmoothing) = (shape, labelSmoothing);
        Mixing = new Mixing(spec, shape, seed);

        var onPixels = new List<IPixelAugmentation>();
        if (spec.Crop > 0) onPixels.Add(new RandomCrop(shape, spec.Crop, seed));
        if (spec.Flip) onPixels.Add(new HorizontalFlip(shape, seed));
        if (recipe is not null) onPixels.Add(new RandomOperations(recipe, shape, [.. mean.Select(ToByte)], seed));
        OnPixels = [.. onPixels];

        var after = new List<INormalisedAugmentation>();
        if (spec.Cutout > 0) after.Add(new Cutout(shape, spec.Cutout, seed));
        if (spec.RandomErasing > 0) after.Add(new RandomErasing(shape, spec.RandomErasing, seed));
        AfterNormalisation = [.. after];
    }

    public ImageShape Shape { get; }
    public IPixelAugmentation[] OnPixels { get; }
    public INormalisedAugmentation[] AfterNormalisation { get; }
    public Mixing Mixing { get; }
    public double LabelSmoothing { get; }

    private static byte ToByte(double mean) => (byte)Math.Clamp(Math.Round(mean * 255, MidpointRounding.ToEven), 0, 255);

    private static Recipe? Check(AugmentSpec spec, ImageShape shape)
    {
        var problems = new List<ConfigProblem>();
        void Require(bool holds, string key, string message)
        {
            if (!holds) problems.Add(new ConfigProblem("", $"train.augment.{key}", message));
        }
        var smaller = Math.Min(shape.Height, shape.Width);
        Require(spec.Crop >= 0 && spec.Crop < smaller, "crop", $"is {spec.Crop} pixels of padding, must be from 0 (off) to {smaller - 1} for images of {shape.Width}×{shape.Height}.");
        Require(spec.Cutout >= 0 && spec.Cutout <= smaller, "cutout", $"is {spec.Cutout} pixels, must be from 0 (off) to {smaller} for images of {shape.Width}×{shape.Height}.");
        Require(spec.RandomErasing is >= 0 and <= 1, "random_erasing", $"is {spec.RandomErasing}, must be a probability in [0, 1].");
        Require(spec.Mixup is >= 0 and <= 100, "mixup", $"is {spec.Mixup}, must be α in [0, 100] (0: off).");
        Require(spec.Cutmix is >= 0 and <= 100, "cutmix", $"is {spec.Cutmix}, must be α in [0, 100] (0: off).");
        Require(spec.MixupOffEpoch >= 0, "mixup_off_epoch", $"is {spec.MixupOffEpoch}, must be 0 (never off) or more.");
        Recipe? recipe = null;
        try
        {
            recipe = Recipe.Parse(spec.Randaugment);
        }
        catch (ConfigException bad)
        {
            problems.AddRange(bad.Problems);
        }
        return problems.Count == 0 ? recipe : throw new ConfigException(problems);
    }
}
