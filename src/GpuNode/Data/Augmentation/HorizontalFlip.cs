using Volley.Shared.Determinism;

namespace Volley.GpuNode.Data.Augmentation;

/// <summary>Mirrors every second image, left to right.</summary>
internal sealed class HorizontalFlip(ImageShape shape, ulong seed) : IPixelAugmentation
{
    public void Apply(Span<byte> pixels, Span<byte> scratch, int epoch, int image)
    {
        if (KeyedRandom.For(seed, "flip", epoch, image).NextInt(2) == 0) return;
        for (var row = 0; row < shape.Channels * shape.Height; row++) pixels.Slice(row * shape.Width, shape.Width).Reverse();
    }
}
