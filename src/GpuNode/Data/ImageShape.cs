namespace Volley.GpuNode.Data;

/// <summary>Sizes of an image laid out [C, H, W].</summary>
internal readonly record struct ImageShape(int Channels, int Height, int Width)
{
    /// <summary>Pixels of one channel.</summary>
    public int Plane => Height * Width;

    public int Bytes => Channels * Plane;
}
