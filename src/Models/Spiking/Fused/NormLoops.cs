using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Volley.Models.Spiking.Fused;

/// <summary>What a norm's backward needs of its forward, per channel: y = scale · x + shift, x̂ = (x − mean) · inverseStd.</summary>
/// <param name="UsesBatch">Mean and variance came from the input, not from the running statistics.</param>
/// <param name="Count">Rows they are taken over: the input's, or everyone's (<see cref="NormSynchronisation"/>).</param>
internal sealed record NormTable(double[] Mean, double[] InverseStd, double[] Scale, double[] Shift, bool UsesBatch, double Count)
{
    public int Channels => Mean.Length;
}

/// <summary>Batch norm over the rows of a matrix [rows, C], in raw memory.</summary>
internal static unsafe class NormLoops<T> where T : unmanaged, INumber<T>
{
    private const long PivotRows = 64;

    /// <returns>Mean and biased variance per channel.</returns>
    /// <remarks>One pass over x − pivot, a pivot near the mean: the squares are then close to the variance, and the subtraction at the end loses no digits that matter.</remarks>
    public static (double[] Mean, double[] Variance) Statistics(T* x, long rows, int channels)
    {
        var matrix = new ChannelMatrix<T>(channels);
        var pivot = Pivot(x, rows, channels);
        var origins = matrix.Repeat(pivot);
        var parts = new (double[], double[])[Chunks.Count(rows * channels, matrix.ChunkLength)];
        Chunks.Run(rows * channels, matrix.ChunkLength, (chunk, first, end) =>
        {
            var sums = new StripeSums<T>(matrix.Stripe);
            fixed (T* origin = origins)
            {
                for (var start = first; start < end; start += matrix.Stripe)
                    sums.AddSquares(x + start, origin, (int)Math.Min(matrix.Stripe, end - start));
            }
            parts[chunk] = sums.Total();
        });
        var (mean, variance) = matrix.Total(parts);
        for (var c = 0; c < channels; c++)
        {
            mean[c] /= rows;
            variance[c] = Math.Max(0, variance[c] / rows - mean[c] * mean[c]);
            mean[c] += pivot[c];
        }
        return (mean, variance);
    }

    /// <summary>Mean of up to <see cref="PivotRows"/> rows spread over all: off the mean by about std/√PivotRows.</summary>
    /// <remarks>One row would not do: behind a mask most rows are equal, and the one taken may be one of the few that are not, many deviations away.</remarks>
    private static double[] Pivot(T* x, long rows, int channels)
    {
        var pivot = new double[channels];
        var count = Math.Min(rows, PivotRows);
        for (var i = 0L; i < count; i++)
        {
            var row = x + i * rows / count * channels;
            for (var c = 0; c < channels; c++) pivot[c] += double.CreateChecked(row[c]);
        }
        // As the loop will subtract it: the mean adds the same number back.
        for (var c = 0; c < channels; c++) pivot[c] = double.CreateChecked(T.CreateChecked(pivot[c] / count));
        return pivot;
    }

    /// <summary>y = scale · x + shift, plus <paramref name="residual"/> where there is one.</summary>
    public static void Forward(NormTable table, T* x, T* residual, T* y, long rows)
    {
        var matrix = new ChannelMatrix<T>(table.Channels);
        var (scales, shifts) = (matrix.Repeat(table.Scale), matrix.Repeat(table.Shift));
        Chunks.Run(rows * matrix.Channels, matrix.ChunkLength, (_, first, end) =>
        {
            fixed (T* scale = scales, shift = shifts)
            {
                for (var start = first; start < end; start += matrix.Stripe)
                    ForwardBlock(x + start, scale, shift, residual == null ? null : residual + start, y + start, (int)Math.Min(matrix.Stripe, end - start));
            }
        });
    }

    /// <returns>Per channel Σ g and Σ g · (x − mean).</returns>
    public static (double[] Sum, double[] Moment) GradientSums(NormTable table, T* x, T* gradient, long rows)
    {
        var matrix = new ChannelMatrix<T>(table.Channels);
        var means = matrix.Repeat(table.Mean);
        var parts = new (double[], double[])[Chunks.Count(rows * matrix.Channels, matrix.ChunkLength)];
        Chunks.Run(rows * matrix.Channels, matrix.ChunkLength, (chunk, first, end) =>
        {
            var sums = new StripeSums<T>(matrix.Stripe);
            fixed (T* mean = means)
            {
                for (var start = first; start < end; start += matrix.Stripe)
                    sums.AddMoments(gradient + start, x + start, mean, (int)Math.Min(matrix.Stripe, end - start));
            }
            parts[chunk] = sums.Total();
        });
        return matrix.Total(parts);
    }

    /// <summary>∂L/∂x = scale · (g − Σg/n − x̂ · Σ(g x̂)/n); without the two means where the norm used its running statistics. May write over <paramref name="gradient"/>.</summary>
    /// <param name="sum">Σ g per channel, over <see cref="NormTable.Count"/> rows.</param>
    /// <param name="moment">Σ g · (x − mean) per channel, likewise.</param>
    public static void InputGradient(NormTable table, double[] sum, double[] moment, T* x, T* gradient, T* inputGradient, long rows)
    {
        var matrix = new ChannelMatrix<T>(table.Channels);
        var (drift, slope) = (new double[matrix.Channels], new double[matrix.Channels]);
        for (var c = 0; c < matrix.Channels && table.UsesBatch; c++)
        {
            drift[c] = sum[c] / table.Count;
            slope[c] = moment[c] * table.InverseStd[c] * table.InverseStd[c] / table.Count;
        }
        var (scales, means, drifts, slopes) = (matrix.Repeat(table.Scale), matrix.Repeat(table.Mean), matrix.Repeat(drift), matrix.Repeat(slope));
        Chunks.Run(rows * matrix.Channels, matrix.ChunkLength, (_, first, end) =>
        {
            fixed (T* scale = scales, mean = means, driftOf = drifts, slopeOf = slopes)
            {
                for (var start = first; start < end; start += matrix.Stripe)
                {
                    InputGradientBlock(x + start, gradient + start, scale, mean, driftOf, slopeOf, inputGradient + start,
                        (int)Math.Min(matrix.Stripe, end - start));
                }
            }
        });
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ForwardBlock(T* x, T* scale, T* shift, T* residual, T* y, int length)
    {
        var whole = Lanes<T>.Whole(length);
        for (var i = 0; i < whole; i += Lanes<T>.Count)
        {
            var normed = Vector512.Load(x + i) * Vector512.Load(scale + i) + Vector512.Load(shift + i);
            if (residual != null) normed += Vector512.Load(residual + i);
            normed.Store(y + i);
        }
        for (var i = whole; i < length; i++)
        {
            y[i] = x[i] * scale[i] + shift[i];
            if (residual != null) y[i] += residual[i];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void InputGradientBlock(T* x, T* gradient, T* scale, T* mean, T* drift, T* slope, T* result, int length)
    {
        var whole = Lanes<T>.Whole(length);
        for (var i = 0; i < whole; i += Lanes<T>.Count)
        {
            var away = Vector512.Load(x + i) - Vector512.Load(mean + i);
            var g = Vector512.Load(gradient + i) - Vector512.Load(drift + i) - away * Vector512.Load(slope + i);
            (g * Vector512.Load(scale + i)).Store(result + i);
        }
        for (var i = whole; i < length; i++)
            result[i] = (gradient[i] - drift[i] - (x[i] - mean[i]) * slope[i]) * scale[i];
    }
}
