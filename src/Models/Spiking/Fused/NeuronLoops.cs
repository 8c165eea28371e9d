using System.Buffers;
using System.Numerics;

namespace Volley.Models.Spiking.Fused;

/// <summary>Forward and backward of a neuron layer over raw memory, with the batch norm before it where there is one: a normalised input is never written down.</summary>
/// <remarks>
/// n neurons, T time steps; time step t of a tensor is elements [t·n, (t+1)·n), a matrix [n / C, C] where there is a norm. Work goes in blocks of one stripe of
/// neurons (see <see cref="ChannelMatrix{T}"/>): all time steps of a block while its membranes are in the first-level cache. Backward recomputes norm and membranes
/// from the input, so a layer saves nothing but its input. Both passes are bound by memory.
/// </remarks>
internal static unsafe class NeuronLoops<T> where T : unmanaged, INumber<T>
{
    /// <param name="norm">Null: the input goes to the neurons as it is.</param>
    /// <param name="inputStride">n, or 0 where every time step has the same input.</param>
    public static void Forward(NormTable? norm, NeuronLanes<T> neuron, T* x, long inputStride, T* spikes, long n, int timeSteps)
    {
        var matrix = new ChannelMatrix<T>(norm?.Channels ?? 1);
        var (scales, shifts) = norm is null ? ([], []) : (matrix.Repeat(norm.Scale), matrix.Repeat(norm.Shift));
        Chunks.Run(n, matrix.ChunkLength, (_, first, end) =>
        {
            var membranes = ArrayPool<T>.Shared.Rent(matrix.Stripe);
            fixed (T* v = membranes, scale = scales, shift = shifts)
            {
                for (var start = first; start < end; start += matrix.Stripe)
                {
                    var length = (int)Math.Min(matrix.Stripe, end - start);
                    using var input = Block<T>.Of(x + start, inputStride, timeSteps, length, isRead: true);
                    using var output = Block<T>.Of(spikes + start, n, timeSteps, length, isRead: false);
                    new Span<T>(v, input.Length).Fill(neuron.Rest[0]);
                    for (var t = 0; t < timeSteps; t++)
                        NeuronSteps<T>.Forward(in neuron, scale, shift, input.At(t), v, output.At(t), input.Length);
                    output.WriteBack();
                }
            }
            ArrayPool<T>.Shared.Return(membranes);
        });
    }

    /// <param name="norm">Null: the input went to the neurons as it is.</param>
    /// <param name="spikeGradient">∂L/∂s, [T, n].</param>
    /// <param name="currentGradient">∂L/∂y, y the neurons' input: [T, n], or [n], summed over time, where every time step has the same input. Written.</param>
    /// <returns>Per channel Σ ∂L/∂y and Σ ∂L/∂y · (x − mean), empty without norm; ∂L/∂k where asked for, else 0.</returns>
    public static (double[] Sum, double[] Moment, double Decay) Backward(
        NormTable? norm, NeuronLanes<T> neuron, T* x, long inputStride, T* spikeGradient, T* currentGradient, long n, int timeSteps, bool wantsDecayGradient)
    {
        var matrix = new ChannelMatrix<T>(norm?.Channels ?? 1);
        T[] scales = [], shifts = [], means = [];
        if (norm is not null) (scales, shifts, means) = (matrix.Repeat(norm.Scale), matrix.Repeat(norm.Shift), matrix.Repeat(norm.Mean));
        var parts = new (double[], double[])[norm is null ? 0 : Chunks.Count(n, matrix.ChunkLength)];
        var decays = new double[Chunks.Count(n, matrix.ChunkLength)];
        var isRepeated = inputStride == 0;
        Chunks.Run(n, matrix.ChunkLength, (chunk, first, end) =>
        {
            var stripe = matrix.Stripe;
            // Membrane before the reset at every time step, and the gradient that flows back through the membrane.
            var scratch = ArrayPool<T>.Shared.Rent((timeSteps + 1) * stripe);
            var sums = norm is null ? null : new StripeSums<T>(stripe);
            fixed (T* charged = scratch, scale = scales, shift = shifts, mean = means)
            {
                var membraneGradient = charged + timeSteps * stripe;
                for (var start = first; start < end; start += stripe)
                {
                    using var input = Block<T>.Of(x + start, inputStride, timeSteps, (int)Math.Min(stripe, end - start), isRead: true);
                    using var upstream = Block<T>.Of(spikeGradient + start, n, timeSteps, input.Used, isRead: true);
                    using var output = Block<T>.Of(currentGradient + start, isRepeated ? 0 : n, timeSteps, input.Used, isRead: false);
                    var length = input.Length;
                    for (var t = 0; t < timeSteps; t++)
                        NeuronSteps<T>.Charge(in neuron, scale, shift, input.At(t), t == 0 ? null : charged + (t - 1) * stripe, charged + t * stripe, length);
                    new Span<T>(membraneGradient, length).Clear();
                    if (isRepeated) new Span<T>(output.At(0), length).Clear();
                    for (var t = timeSteps - 1; t >= 0; t--)
                    {
                        var h = charged + t * stripe;
                        // Before Backward overwrites what flows back.
                        if (wantsDecayGradient)
                        {
                            decays[chunk] += NeuronSteps<T>.Decay(
                                in neuron, scale, shift, input.At(t), t == 0 ? null : h - stripe, h, upstream.At(t), membraneGradient, length);
                        }
                        NeuronSteps<T>.Backward(in neuron, h, upstream.At(t), membraneGradient, output.At(t), isRepeated, length);
                        if (!isRepeated) sums?.AddMoments(output.At(t), input.At(t), mean, input.Used);
                    }
                    if (isRepeated) sums?.AddMoments(output.At(0), input.At(0), mean, input.Used);
                    output.WriteBack();
                }
            }
            ArrayPool<T>.Shared.Return(scratch);
            if (sums is not null) parts[chunk] = sums.Total();
        });
        var (sum, moment) = norm is null ? ([], []) : matrix.Total(parts);
        return (sum, moment, decays.Sum());
    }
}
