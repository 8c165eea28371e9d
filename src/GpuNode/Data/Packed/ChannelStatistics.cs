namespace Volley.GpuNode.Data.Packed;

/// <summary>Mean and standard deviation per channel over many images; sums are integers, so their order does not matter.</summary>
internal sealed class ChannelStatistics(int channels, int pixelsPerChannel)
{
    // A plain constant channel (all black) has no spread; dividing by this instead keeps it at zero.
    private const double SmallestStd = 1.0 / 255;

    private readonly long[] _sum = new long[channels];
    private readonly long[] _sumOfSquares = new long[channels];
    private long _images;

    /// <param name="pixels">[C, H, W].</param>
    public void Add(ReadOnlySpan<byte> pixels)
    {
        _images++;
        for (var channel = 0; channel < channels; channel++)
        {
            long sum = 0, squares = 0;
            foreach (var value in pixels.Slice(channel * pixelsPerChannel, pixelsPerChannel))
            {
                sum += value;
                squares += value * value;
            }
            _sum[channel] += sum;
            _sumOfSquares[channel] += squares;
        }
    }

    /// <summary>Of values in 0..1; population standard deviation.</summary>
    public (double[] Mean, double[] Std) MeanAndStd()
    {
        var count = (double)_images * pixelsPerChannel;
        var mean = new double[channels];
        var std = new double[channels];
        for (var channel = 0; channel < channels; channel++)
        {
            var average = _sum[channel] / count;
            var variance = Math.Max(0, _sumOfSquares[channel] / count - average * average);
            mean[channel] = average / 255;
            std[channel] = Math.Max(Math.Sqrt(variance) / 255, SmallestStd);
        }
        return (mean, std);
    }
}
