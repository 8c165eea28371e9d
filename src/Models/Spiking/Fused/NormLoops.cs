using System.Numerics;

namespace Volley.Models.Spiking.Fused;

/// <summary>What a norm's backward needs of its forward, per channel: y = scale · x + shift, x̂ = (x − mean) · inverseStd.</summary>
internal sealed record NormTable(double[] Mean, double[] InverseStd, double[] Scale, double[] Shift, bool UsesBatch);

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
        var pivots = matrix.Repeat(pivot);
        var n = rows * channels;
        var (sums, squares) = Parts(matrix, n);
        Chunks.Run(n, matrix.ChunkLength, (chunk, first, end) =>
        {
            var (sum, square) = (new StripeSum<T>(matrix.Stripe), new StripeSum<T>(matrix.Stripe));
            fixed (T* origin = pivots)
            {
                var stripes = 0;
                for (var start = first; start < end; start += matrix.Stripe)
                {
                    var length = (int)Math.Min(matrix.Stripe, end - start);
                    for (var j = 0; j < length; j += Lanes<T>.Count)
                    {
                        var lanes = Math.Min(Lanes<T>.Count, length - j);
                        var away = Lanes<T>.Load(x + start + j, lanes) - Lanes<T>.Load(origin + j, lanes);
                        sum.Add(j, away);
                        square.Add(j, away * away);
                    }
                    if (++stripes % ChannelMatrix<T>.StripesPerFlush == 0) Flush(sum, square);
                }
            }
            Flush(sum, square);
            (sums[chunk], squares[chunk]) = (sum.Total, square.Total);
        });
        var (mean, variance) = (matrix.Total(sums), matrix.Total(squares));
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
        var matrix = new ChannelMatrix<T>(table.Mean.Length);
        var (scales, shifts) = (matrix.Repeat(table.Scale), matrix.Repeat(table.Shift));
        Chunks.Run(rows * matrix.Channels, matrix.ChunkLength, (_, first, end) =>
        {
            fixed (T* scale = scales, shift = shifts)
            {
                for (var start = first; start < end; start += matrix.Stripe)
                {
                    var length = (int)Math.Min(matrix.Stripe, end - start);
                    for (var j = 0; j < length; j += Lanes<T>.Count)
                    {
                        var lanes = Math.Min(Lanes<T>.Count, length - j);
                        var normed = Lanes<T>.Load(x + start + j, lanes) * Lanes<T>.Load(scale + j, lanes) + Lanes<T>.Load(shift + j, lanes);
                        if (residual != null) normed += Lanes<T>.Load(residual + start + j, lanes);
                        Lanes<T>.Store(normed, y + start + j, lanes);
                    }
                }
            }
        });
    }

    /// <returns>Per channel Σ g and Σ g · (x − mean).</returns>
    public static (double[] Sum, double[] Moment) GradientSums(NormTable table, T* x, T* gradient, long rows)
    {
        var matrix = new ChannelMatrix<T>(table.Mean.Length);
        var means = matrix.Repeat(table.Mean);
        var n = rows * matrix.Channels;
        var (sums, moments) = Parts(matrix, n);
        Chunks.Run(n, matrix.ChunkLength, (chunk, first, end) =>
        {
            var (sum, moment) = (new StripeSum<T>(matrix.Stripe), new StripeSum<T>(matrix.Stripe));
            fixed (T* mean = means)
            {
                var stripes = 0;
                for (var start = first; start < end; start += matrix.Stripe)
                {
                    var length = (int)Math.Min(matrix.Stripe, end - start);
                    for (var j = 0; j < length; j += Lanes<T>.Count)
                    {
                        var lanes = Math.Min(Lanes<T>.Count, length - j);
                        var g = Lanes<T>.Load(gradient + start + j, lanes);
                        sum.Add(j, g);
                        moment.Add(j, g * (Lanes<T>.Load(x + start + j, lanes) - Lanes<T>.Load(mean + j, lanes)));
                    }
                    if (++stripes % ChannelMatrix<T>.StripesPerFlush == 0) Flush(sum, moment);
                }
            }
            Flush(sum, moment);
            (sums[chunk], moments[chunk]) = (sum.Total, moment.Total);
        });
        return (matrix.Total(sums), matrix.Total(moments));
    }

    /// <summary>∂L/∂x = scale · (g − Σg/n − x̂ · Σ(g x̂)/n); without the two means where the norm used its running statistics. May write over <paramref name="gradient"/>.</summary>
    /// <param name="sum">Σ g per channel.</param>
    /// <param name="moment">Σ g · (x − mean) per channel.</param>
    public static void InputGradient(NormTable table, double[] sum, double[] moment, T* x, T* gradient, T* inputGradient, long rows)
    {
        var matrix = new ChannelMatrix<T>(table.Mean.Length);
        var (drift, slope) = (new double[matrix.Channels], new double[matrix.Channels]);
        for (var c = 0; c < matrix.Channels && table.UsesBatch; c++)
        {
            drift[c] = sum[c] / rows;
            slope[c] = moment[c] * table.InverseStd[c] * table.InverseStd[c] / rows;
        }
        var (scales, means, drifts, slopes) = (matrix.Repeat(table.Scale), matrix.Repeat(table.Mean), matrix.Repeat(drift), matrix.Repeat(slope));
        Chunks.Run(rows * matrix.Channels, matrix.ChunkLength, (_, first, end) =>
        {
            fixed (T* scale = scales, mean = means, driftOf = drifts, slopeOf = slopes)
            {
                for (var start = first; start < end; start += matrix.Stripe)
                {
                    var length = (int)Math.Min(matrix.Stripe, end - start);
                    for (var j = 0; j < length; j += Lanes<T>.Count)
                    {
                        var lanes = Math.Min(Lanes<T>.Count, length - j);
                        var away = Lanes<T>.Load(x + start + j, lanes) - Lanes<T>.Load(mean + j, lanes);
                        var g = Lanes<T>.Load(gradient + start + j, lanes) - Lanes<T>.Load(driftOf + j, lanes) - away * Lanes<T>.Load(slopeOf + j, lanes);
                        Lanes<T>.Store(g * Lanes<T>.Load(scale + j, lanes), inputGradient + start + j, lanes);
                    }
                }
            }
        });
    }

    public static (double[][], double[][]) Parts(ChannelMatrix<T> matrix, long elements)
    {
        var count = Chunks.Count(elements, matrix.ChunkLength);
        return (new double[count][], new double[count][]);
    }

    private static void Flush(StripeSum<T> a, StripeSum<T> b)
    {
        a.Flush();
        b.Flush();
    }
}
