namespace Volley.GpuNode.Data.Sources;

/// <summary>Separable resize with a cubic kernel (a = −½) that widens with the shrink factor, so that nothing aliases.</summary>
/// <remarks>
/// The arithmetic is Pillow's, to the bit (<c>Image.resize(size, BICUBIC)</c>; fixtures compare them): weights are normalised in
/// doubles, rounded to 22 fractional bits, applied along rows, then along columns, each rounded to 8 bits.
/// </remarks>
internal static class BicubicResampler
{
    private const int FractionBits = 32 - 8 - 2;
    private const double Support = 2.0;

    /// <param name="pixels">[channels, height, width].</param>
    /// <returns>[channels, newHeight, newWidth].</returns>
    public static byte[] Resize(byte[] pixels, int channels, int height, int width, int newHeight, int newWidth)
    {
        var alongRows = Weights.For(width, newWidth);
        var alongColumns = Weights.For(height, newHeight);
        var narrow = new byte[channels * height * newWidth];
        for (var row = 0; row < channels * height; row++)
            ResizeRow(pixels.AsSpan(row * width, width), narrow.AsSpan(row * newWidth, newWidth), alongRows);
        var result = new byte[channels * newHeight * newWidth];
        var sums = new int[newWidth];
        for (var channel = 0; channel < channels; channel++)
            ResizeColumns(narrow.AsSpan(channel * height * newWidth, height * newWidth), result.AsSpan(channel * newHeight * newWidth, newHeight * newWidth), alongColumns, sums);
        return result;
    }

    private static void ResizeRow(ReadOnlySpan<byte> row, Span<byte> result, Weights weights)
    {
        for (var x = 0; x < result.Length; x++)
        {
            var first = weights.First[x];
            var sum = 1 << (FractionBits - 1);
            var taps = weights.Values[x];
            for (var tap = 0; tap < taps.Length; tap++) sum += row[first + tap] * taps[tap];
            result[x] = Clip(sum);
        }
    }

    private static void ResizeColumns(ReadOnlySpan<byte> plane, Span<byte> result, Weights weights, int[] sums)
    {
        var width = sums.Length;
        for (var y = 0; y < weights.First.Length; y++)
        {
            Array.Fill(sums, 1 << (FractionBits - 1));
            var taps = weights.Values[y];
            for (var tap = 0; tap < taps.Length; tap++)
            {
                var row = plane.Slice((weights.First[y] + tap) * width, width);
                for (var x = 0; x < row.Length; x++) sums[x] += row[x] * taps[tap];
            }
            for (var x = 0; x < sums.Length; x++) result[y * width + x] = Clip(sums[x]);
        }
    }

    private static byte Clip(int sum) => (byte)Math.Clamp(sum >> FractionBits, 0, 255);

    /// <summary>For each position of the result: where its source pixels begin and what each weighs, times 2^FractionBits.</summary>
    private sealed record Weights(int[] First, int[][] Values)
    {
        public static Weights For(int oldSize, int newSize)
        {
            var scale = (double)oldSize / newSize;
            var stretch = Math.Max(scale, 1.0);
            var support = Support * stretch;
            var first = new int[newSize];
            var values = new int[newSize][];
            for (var i = 0; i < newSize; i++)
            {
                var centre = (i + 0.5) * scale;
                var low = Math.Max((int)(centre - support + 0.5), 0);
                var high = Math.Min((int)(centre + support + 0.5), oldSize);
                var real = new double[high - low];
                var total = 0.0;
                for (var tap = 0; tap < real.Length; tap++)
                {
                    real[tap] = Cubic((tap + low - centre + 0.5) * (1.0 / stretch));
                    total += real[tap];
                }
                first[i] = low;
                values[i] = Array.ConvertAll(real, value => ToFixed(total == 0 ? value : value * (1.0 / total)));
            }
            return new(first, values);
        }

        private static int ToFixed(double weight) => (int)(weight * (1 << FractionBits) + (weight < 0 ? -0.5 : 0.5));

        private static double Cubic(double x)
        {
            const double a = -0.5;
            x = Math.Abs(x);
            if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
            return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
        }
    }
}
