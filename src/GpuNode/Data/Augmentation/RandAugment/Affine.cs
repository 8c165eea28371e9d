namespace Volley.GpuNode.Data.Augmentation.RandAugment;

/// <summary>Rotation, shear and translation with bicubic interpolation; as <c>PIL.Image.transform(AFFINE, BICUBIC)</c> and <c>rotate</c>.</summary>
/// <remarks>
/// The map goes from the centre of a result pixel to a place (x, y) in the source. A place outside gives the fill colour. Inside, the
/// 4×4 neighbours (border values repeated) are interpolated with the cubic kernel of a = −1, along rows and then along the column, in
/// doubles; the value is cut to 0..255 and truncated. (Resizing uses a = −½: see BicubicResampler. Pillow has both.)
/// </remarks>
internal static class Affine
{
    public static void ShearX(Span<byte> pixels, Span<byte> scratch, ImageShape shape, double factor, ReadOnlySpan<byte> fill) =>
        Transform(pixels, scratch, shape, new(1, factor, 0, 0, 1, 0), fill);

    public static void ShearY(Span<byte> pixels, Span<byte> scratch, ImageShape shape, double factor, ReadOnlySpan<byte> fill) =>
        Transform(pixels, scratch, shape, new(1, 0, 0, factor, 1, 0), fill);

    /// <param name="distance">In pixels, to the left.</param>
    public static void TranslateX(Span<byte> pixels, Span<byte> scratch, ImageShape shape, double distance, ReadOnlySpan<byte> fill) =>
        Transform(pixels, scratch, shape, new(1, 0, distance, 0, 1, 0), fill);

    /// <param name="distance">In pixels, upwards.</param>
    public static void TranslateY(Span<byte> pixels, Span<byte> scratch, ImageShape shape, double distance, ReadOnlySpan<byte> fill) =>
        Transform(pixels, scratch, shape, new(1, 0, 0, 0, 1, distance), fill);

    /// <param name="degrees">Counter-clockwise, about the centre.</param>
    public static void Rotate(Span<byte> pixels, Span<byte> scratch, ImageShape shape, double degrees, ReadOnlySpan<byte> fill)
    {
        var angle = degrees - 360 * Math.Floor(degrees / 360);
        if (angle == 0) return;
        var radians = -(angle * Math.PI / 180);
        // Fifteen decimals, so that right angles are exact.
        double cos = Math.Round(Math.Cos(radians), 15), sin = Math.Round(Math.Sin(radians), 15);
        double x = shape.Width / 2.0, y = shape.Height / 2.0;
        var map = new Map(cos, sin, cos * -x + sin * -y + x, -sin, cos, -sin * -x + cos * -y + y);
        Transform(pixels, scratch, shape, map, fill);
    }

    /// <summary>x = A·column + B·row + C; y = D·column + E·row + F.</summary>
    private readonly record struct Map(double A, double B, double C, double D, double E, double F);

    private static void Transform(Span<byte> pixels, Span<byte> scratch, ImageShape shape, Map map, ReadOnlySpan<byte> fill)
    {
        pixels.CopyTo(scratch);
        Span<int> columns = stackalloc int[4];
        for (var row = 0; row < shape.Height; row++)
        {
            for (var column = 0; column < shape.Width; column++)
            {
                double across = column + 0.5, down = row + 0.5;
                var x = map.A * across + map.B * down + map.C;
                var y = map.D * across + map.E * down + map.F;
                var at = row * shape.Width + column;
                if (x < 0 || x >= shape.Width || y < 0 || y >= shape.Height)
                {
                    for (var channel = 0; channel < shape.Channels; channel++) pixels[channel * shape.Plane + at] = fill[channel];
                    continue;
                }
                x -= 0.5;
                y -= 0.5;
                int left = (int)Math.Floor(x), top = (int)Math.Floor(y);
                for (var tap = 0; tap < 4; tap++) columns[tap] = Math.Clamp(left - 1 + tap, 0, shape.Width - 1);
                for (var channel = 0; channel < shape.Channels; channel++)
                    pixels[channel * shape.Plane + at] = Sample(scratch.Slice(channel * shape.Plane, shape.Plane), shape, columns, x - left, top, y - top);
            }
        }
    }

    private static byte Sample(ReadOnlySpan<byte> plane, ImageShape shape, ReadOnlySpan<int> columns, double dx, int top, double dy)
    {
        Span<double> rows = stackalloc double[4];
        for (var tap = 0; tap < 4; tap++)
        {
            var row = plane.Slice(Math.Clamp(top - 1 + tap, 0, shape.Height - 1) * shape.Width, shape.Width);
            rows[tap] = Cubic(row[columns[0]], row[columns[1]], row[columns[2]], row[columns[3]], dx);
        }
        return (byte)Math.Clamp(Cubic(rows[0], rows[1], rows[2], rows[3], dy), 0, 255);
    }

    /// <summary>The cubic through v2 (d = 0) and v3 (d = 1).</summary>
    private static double Cubic(double v1, double v2, double v3, double v4, double d)
    {
        var linear = -v1 + v3;
        var square = 2 * (v1 - v2) + v3 - v4;
        var cube = -v1 + v2 - v3 + v4;
        return v2 + d * (linear + d * (square + d * cube));
    }
}
