using Volley.Shared.Determinism;

namespace Volley.GpuNode.Data.Augmentation;

/// <summary>Pads every side with black and cuts a window of the old size out at a random place: a shift by up to <paramref name="padding"/> pixels.</summary>
internal sealed class RandomCrop(ImageShape shape, int padding, ulong seed) : IPixelAugmentation
{
    public void Apply(Span<byte> pixels, Span<byte> scratch, int epoch, int image)
    {
        var random = KeyedRandom.For(seed, "crop", epoch, image);
        // The window's corner in the image's own coordinates.
        int top = random.NextInt(2 * padding + 1) - padding, left = random.NextInt(2 * padding + 1) - padding;
        Shift(pixels, scratch, shape, top, left);
    }

    internal static void Shift(Span<byte> pixels, Span<byte> scratch, ImageShape shape, int top, int left)
    {
        pixels.CopyTo(scratch);
        int firstColumn = Math.Max(0, -left), columns = Math.Max(0, shape.Width - Math.Abs(left));
        pixels.Clear();
        for (var channel = 0; channel < shape.Channels; channel++)
        {
            for (var row = Math.Max(0, -top); row < Math.Min(shape.Height, shape.Height - top); row++)
            {
                var from = (channel * shape.Height + row + top) * shape.Width + firstColumn + left;
                scratch.Slice(columns == 0 ? 0 : from, columns).CopyTo(pixels[((channel * shape.Height + row) * shape.Width + firstColumn)..]);
            }
        }
    }
}
