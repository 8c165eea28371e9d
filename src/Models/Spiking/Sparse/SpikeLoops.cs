using System.Runtime.Intrinsics;
using Volley.Models.Spiking.Fused;

namespace Volley.Models.Spiking.Sparse;

/// <summary>A convolution with stride 1 that keeps the map's size, over the spikes that there are.</summary>
/// <remarks>
/// With a map of zeros and ones, an output pixel is the sum of the weight rows [Cout] of the spikes under its kernel, and a weight row's gradient is the sum of the
/// output gradients over the places where its channel spiked: additions only, as many as there are spikes. Sums go into registers, up to 128 output channels at a
/// time. Weights lie as [K·K, Cin, Cout], so that a row is contiguous; maps have channels last. Sums of one output are added in the order of kernel
/// position, then channel; weight gradients in the order of images within a chunk, then of chunks: results do not depend on threads.
/// </remarks>
internal sealed unsafe class SpikeLoops
{
    // Weight gradients of chunks of images are summed apart; few enough that their memory does not matter, enough for the cores of a machine.
    private const int MostChunks = 16;

    private readonly SpikeLists _spikes;
    private readonly int _outputs;
    private readonly int _positions;

    // Per kernel position and pixel: the pixel that lies under it, or −1 outside of the map.
    private readonly int[] _under;

    public SpikeLoops(SpikeLists spikes, int height, int width, int kernel, int outputs)
    {
        (_spikes, _outputs, _positions) = (spikes, outputs, kernel * kernel);
        _under = new int[_positions * spikes.Pixels];
        var padding = (kernel - 1) / 2;
        for (var position = 0; position < _positions; position++)
        {
            for (var pixel = 0; pixel < spikes.Pixels; pixel++)
            {
                var (y, x) = (pixel / width + position / kernel - padding, pixel % width + position % kernel - padding);
                _under[position * spikes.Pixels + pixel] = y >= 0 && y < height && x >= 0 && x < width ? y * width + x : -1;
            }
        }
    }

    /// <param name="weight">[K·K, Cin, Cout].</param>
    /// <param name="bias">[Cout], or null.</param>
    /// <param name="output">[M, H·W, Cout]. Written.</param>
    public void Forward(float* weight, float* bias, float* output) =>
        Chunks.Run(_spikes.Images, 1, (image, _, _) =>
        {
            var into = output + (long)image * _spikes.Pixels * _outputs;
            fixed (int* starts = &_spikes.Starts[image * _spikes.Pixels], under = _under)
            fixed (ushort* active = _spikes.Active)
            {
                for (var pixel = 0; pixel < _spikes.Pixels; pixel++, into += _outputs)
                {
                    var first = 0;
                    for (; first + 128 <= _outputs; first += 128) Forward128(weight + first, bias is null ? null : bias + first, into + first, pixel, starts, active, under);
                    for (; first + 64 <= _outputs; first += 64) Forward64(weight + first, bias is null ? null : bias + first, into + first, pixel, starts, active, under);
                    for (; first < _outputs; first += 16) Forward16(weight + first, bias is null ? null : bias + first, into + first, pixel, starts, active, under);
                }
            }
        });

    /// <param name="outputGradient">[M, H·W, Cout].</param>
    /// <param name="gradient">[K·K, Cin, Cout]. Written.</param>
    public void WeightGradient(float* outputGradient, float* gradient)
    {
        var length = _positions * _spikes.Channels * _outputs;
        var perChunk = (_spikes.Images + MostChunks - 1) / MostChunks;
        var parts = new float[Chunks.Count(_spikes.Images, perChunk)][];
        Chunks.Run(_spikes.Images, perChunk, (chunk, first, end) =>
        {
            var part = parts[chunk] = new float[length];
            var places = new SpikePlaces(_spikes.Channels, _spikes.Pixels);
            fixed (float* sum = part)
            fixed (int* under = _under)
            {
                for (var image = (int)first; image < end; image++)
                {
                    places.Read(_spikes, image);
                    AddImage(places, outputGradient + (long)image * _spikes.Pixels * _outputs, sum, under);
                }
            }
        });
        var total = new Span<float>(gradient, length);
        parts[0].CopyTo(total);
        foreach (var part in parts.AsSpan(1)) Add(total, part);
    }

    private static void Add(Span<float> total, ReadOnlySpan<float> part)
    {
        fixed (float* into = total, from = part)
            for (var vector = 0; vector < total.Length / Vector512<float>.Count; vector++) Put(At(into, vector) + At(from, vector), into, vector);
    }

    private void Forward128(float* weight, float* bias, float* into, int pixel, int* starts, ushort* active, int* under)
    {
        Vector512<float> a0, a1, a2, a3, a4, a5, a6, a7;
        if (bias is null) a0 = a1 = a2 = a3 = a4 = a5 = a6 = a7 = Vector512<float>.Zero;
        else (a0, a1, a2, a3, a4, a5, a6, a7) = (At(bias, 0), At(bias, 1), At(bias, 2), At(bias, 3), At(bias, 4), At(bias, 5), At(bias, 6), At(bias, 7));
        for (var position = 0; position < _positions; position++)
        {
            var place = under[position * _spikes.Pixels + pixel];
            if (place < 0) continue;
            var rows = weight + (long)position * _spikes.Channels * _outputs;
            var end = active + starts[place + 1];
            for (var spike = active + starts[place]; spike < end; spike++)
            {
                var row = rows + *spike * _outputs;
                a0 += At(row, 0);
                a1 += At(row, 1);
                a2 += At(row, 2);
                a3 += At(row, 3);
                a4 += At(row, 4);
                a5 += At(row, 5);
                a6 += At(row, 6);
                a7 += At(row, 7);
            }
        }
        Put(a0, into, 0);
        Put(a1, into, 1);
        Put(a2, into, 2);
        Put(a3, into, 3);
        Put(a4, into, 4);
        Put(a5, into, 5);
        Put(a6, into, 6);
        Put(a7, into, 7);
    }

    private void Forward64(float* weight, float* bias, float* into, int pixel, int* starts, ushort* active, int* under)
    {
        Vector512<float> a0, a1, a2, a3;
        if (bias is null) a0 = a1 = a2 = a3 = Vector512<float>.Zero;
        else (a0, a1, a2, a3) = (At(bias, 0), At(bias, 1), At(bias, 2), At(bias, 3));
        for (var position = 0; position < _positions; position++)
        {
            var place = under[position * _spikes.Pixels + pixel];
            if (place < 0) continue;
            var rows = weight + (long)position * _spikes.Channels * _outputs;
            var end = active + starts[place + 1];
            for (var spike = active + starts[place]; spike < end; spike++)
            {
                var row = rows + *spike * _outputs;
                a0 += At(row, 0);
                a1 += At(row, 1);
                a2 += At(row, 2);
                a3 += At(row, 3);
            }
        }
        Put(a0, into, 0);
        Put(a1, into, 1);
        Put(a2, into, 2);
        Put(a3, into, 3);
    }

    private void Forward16(float* weight, float* bias, float* into, int pixel, int* starts, ushort* active, int* under)
    {
        var a0 = bias is null ? Vector512<float>.Zero : At(bias, 0);
        for (var position = 0; position < _positions; position++)
        {
            var place = under[position * _spikes.Pixels + pixel];
            if (place < 0) continue;
            var rows = weight + (long)position * _spikes.Channels * _outputs;
            var end = active + starts[place + 1];
            for (var spike = active + starts[place]; spike < end; spike++) a0 += At(rows + *spike * _outputs, 0);
        }
        Put(a0, into, 0);
    }

    /// <summary>Adds one image's share of the weight gradient.</summary>
    private void AddImage(SpikePlaces places, float* outputGradient, float* sum, int* under)
    {
        fixed (ushort* pixels = places.Pixels)
        fixed (int* starts = places.Starts)
        {
            for (var position = 0; position < _positions; position++)
            {
                // The output pixel that sees an input pixel at this position sees it at the mirrored one the other way round.
                var seenBy = under + (_positions - 1 - position) * _spikes.Pixels;
                for (var channel = 0; channel < _spikes.Channels; channel++)
                {
                    var begin = pixels + starts[channel];
                    var end = pixels + starts[channel + 1];
                    if (begin == end) continue;
                    var row = sum + ((long)position * _spikes.Channels + channel) * _outputs;
                    var first = 0;
                    for (; first + 128 <= _outputs; first += 128) Add128(begin, end, seenBy, outputGradient + first, row + first);
                    for (; first + 64 <= _outputs; first += 64) Add64(begin, end, seenBy, outputGradient + first, row + first);
                    for (; first < _outputs; first += 16) Add16(begin, end, seenBy, outputGradient + first, row + first);
                }
            }
        }
    }

    private void Add128(ushort* place, ushort* end, int* seenBy, float* outputGradient, float* row)
    {
        var (a0, a1, a2, a3, a4, a5, a6, a7) = (At(row, 0), At(row, 1), At(row, 2), At(row, 3), At(row, 4), At(row, 5), At(row, 6), At(row, 7));
        for (; place < end; place++)
        {
            var pixel = seenBy[*place];
            if (pixel < 0) continue;
            var from = outputGradient + (long)pixel * _outputs;
            a0 += At(from, 0);
            a1 += At(from, 1);
            a2 += At(from, 2);
            a3 += At(from, 3);
            a4 += At(from, 4);
            a5 += At(from, 5);
            a6 += At(from, 6);
            a7 += At(from, 7);
        }
        Put(a0, row, 0);
        Put(a1, row, 1);
        Put(a2, row, 2);
        Put(a3, row, 3);
        Put(a4, row, 4);
        Put(a5, row, 5);
        Put(a6, row, 6);
        Put(a7, row, 7);
    }

    private void Add64(ushort* place, ushort* end, int* seenBy, float* outputGradient, float* row)
    {
        var (a0, a1, a2, a3) = (At(row, 0), At(row, 1), At(row, 2), At(row, 3));
        for (; place < end; place++)
        {
            var pixel = seenBy[*place];
            if (pixel < 0) continue;
            var from = outputGradient + (long)pixel * _outputs;
            a0 += At(from, 0);
            a1 += At(from, 1);
            a2 += At(from, 2);
            a3 += At(from, 3);
        }
        Put(a0, row, 0);
        Put(a1, row, 1);
        Put(a2, row, 2);
        Put(a3, row, 3);
    }

    private void Add16(ushort* place, ushort* end, int* seenBy, float* outputGradient, float* row)
    {
        var a0 = At(row, 0);
        for (; place < end; place++)
        {
            var pixel = seenBy[*place];
            if (pixel >= 0) a0 += At(outputGradient + (long)pixel * _outputs, 0);
        }
        Put(a0, row, 0);
    }

    private static Vector512<float> At(float* values, int vector) => Vector512.Load(values + vector * Vector512<float>.Count);

    private static void Put(Vector512<float> sum, float* values, int vector) => sum.Store(values + vector * Vector512<float>.Count);
}
