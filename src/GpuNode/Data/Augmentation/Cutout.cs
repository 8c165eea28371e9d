using Volley.Shared.Determinism;

namespace Volley.GpuNode.Data.Augmentation;

/// <summary>Sets one square to the mean colour; its centre is uniform over the image, so the square may hang over the border (DeVries, Taylor 2017).</summary>
internal sealed class Cutout(ImageShape shape, int edge, ulong seed) : INormalisedAugmentation
{
    public void Apply(Span<float> pixels, int epoch, int image)
    {
        var random = KeyedRandom.For(seed, "cutout", epoch, image);
        int top = random.NextInt(shape.Height) - edge / 2, left = random.NextInt(shape.Width) - edge / 2;
        Rectangle.Clipped(shape, top, left, top + edge, left + edge).Clear(pixels, shape);
    }
}
