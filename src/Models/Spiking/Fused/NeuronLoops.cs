using System.Buffers;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Volley.Models.Spiking.Fused;

/// <summary>Forward and backward of a neuron layer over raw memory, with the batch norm before it where there is one: a normalised input is never written down.</summary>
/// <remarks>
/// n neurons, T time steps; time step t of a tensor is elements [t·n, (t+1)·n), a matrix [n / C, C] where there is a norm. Work goes in blocks of one stripe of
/// neurons (see <see cref="ChannelMatrix{T}"/>): all time steps of a block while its membranes are in the first-level cache. Backward recomputes norm and membranes
/// from the input, so a layer saves nothing but its input. Both passes are bound by memory. The inner loops are compiled fully at once: a training run calls them a
/// few hundred times a step, and the runtime would swap slow code for fast only when it finds an idle core.
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
                    new Span<T>(v, length).Fill(neuron.Rest.ToScalar());
                    for (var t = 0; t < timeSteps; t++)
                        ForwardStep(in neuron, scale, shift, x + t * inputStride + start, v, spikes + t * n + start, length);
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
        Chunks.Run(n, matrix.ChunkLength, (chunk, first, end) =>
        {
            var stripe = matrix.Stripe;
            // Membrane before the reset at every time step, and the gradient that flows back through the membrane.
            var scratch = ArrayPool<T>.Shared.Rent((timeSteps + 1) * stripe);
            var sums = norm is null ? null : new StripeSums<T>(stripe);
            var decay = 0.0;
            fixed (T* charged = scratch, scale = scales, shift = shifts, mean = means)
            {
                var membraneGradient = charged + timeSteps * stripe;
                for (var start = first; start < end; start += stripe)
                {
                    var length = (int)Math.Min(stripe, end - start);
                    Recharge(in neuron, scale, shift, x + start, inputStride, charged, stripe, timeSteps, length);
                    new Span<T>(membraneGradient, length).Clear();
                    if (inputStride == 0) new Span<T>(currentGradient + start, length).Clear();
                    for (var t = timeSteps - 1; t >= 0; t--)
                    {
                        var h = charged + t * stripe;
                        if (wantsDecayGradient)
                        {
                            // Before the step that overwrites what flows back.
                            decay += DecayStep(in neuron, scale, shift, x + t * inputStride + start, h, t == 0 ? null : h - stripe,
                                spikeGradient + t * n + start, membraneGradient, length);
                        }
                        var gradient = currentGradient + (inputStride == 0 ? 0 : t * n) + start;
                        BackwardStep(in neuron, h, spikeGradient + t * n + start, membraneGradient, gradient, isAdded: inputStride == 0, length);
                        if (inputStride != 0) sums?.AddMoments(gradient, x + t * inputStride + start, mean, length);
                    }
                    if (inputStride == 0) sums?.AddMoments(currentGradient + start, x + start, mean, length);
                }
            }
            ArrayPool<T>.Shared.Return(scratch);
            decays[chunk] = decay;
            if (sums is not null) parts[chunk] = sums.Total();
        });
        var (sum, moment) = norm is null ? ([], []) : matrix.Total(parts);
        return (sum, moment, decays.Sum());
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ForwardStep(in NeuronLanes<T> neuron, T* scale, T* shift, T* x, T* v, T* spikes, int length)
    {
        var lane = neuron;
        for (var i = 0; i < length; i += Lanes<T>.Count)
        {
            var lanes = Math.Min(Lanes<T>.Count, length - i);
            var h = lane.Charge(Lanes<T>.Load(v + i, lanes), Current(x, scale, shift, i, lanes));
            var fires = lane.Fires(h);
            Lanes<T>.Store(lane.Spike(fires), spikes + i, lanes);
            Lanes<T>.Store(lane.Reset(h, fires), v + i, lanes);
        }
    }

    // h[t] of one block for all t.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Recharge(in NeuronLanes<T> neuron, T* scale, T* shift, T* x, long inputStride, T* charged, int stripe, int timeSteps, int length)
    {
        var lane = neuron;
        for (var t = 0; t < timeSteps; t++)
        {
            var input = x + t * inputStride;
            var h = charged + t * stripe;
            for (var i = 0; i < length; i += Lanes<T>.Count)
            {
                var lanes = Math.Min(Lanes<T>.Count, length - i);
                var v = t == 0 ? lane.Rest : Before(in lane, h - stripe + i, lanes);
                Lanes<T>.Store(lane.Charge(v, Current(input, scale, shift, i, lanes)), h + i, lanes);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void BackwardStep(in NeuronLanes<T> neuron, T* charged, T* spikeGradient, T* membraneGradient, T* currentGradient, bool isAdded, int length)
    {
        var lane = neuron;
        for (var i = 0; i < length; i += Lanes<T>.Count)
        {
            var lanes = Math.Min(Lanes<T>.Count, length - i);
            var g = lane.ChargedGradient(Lanes<T>.Load(charged + i, lanes), Lanes<T>.Load(spikeGradient + i, lanes), Lanes<T>.Load(membraneGradient + i, lanes));
            Lanes<T>.Store(lane.PreviousMembraneGradient(g), membraneGradient + i, lanes);
            var gradient = lane.InputGradient(g);
            if (isAdded) gradient += Lanes<T>.Load(currentGradient + i, lanes);
            Lanes<T>.Store(gradient, currentGradient + i, lanes);
        }
    }

    /// <returns>Σ ∂L/∂h · ∂h/∂k over one block at one time step.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static double DecayStep(
        in NeuronLanes<T> neuron, T* scale, T* shift, T* x, T* charged, T* chargedBefore, T* spikeGradient, T* membraneGradient, int length)
    {
        var lane = neuron;
        var sum = Vector512<double>.Zero;
        for (var i = 0; i < length; i += Lanes<T>.Count)
        {
            var lanes = Math.Min(Lanes<T>.Count, length - i);
            var g = lane.ChargedGradient(Lanes<T>.Load(charged + i, lanes), Lanes<T>.Load(spikeGradient + i, lanes), Lanes<T>.Load(membraneGradient + i, lanes));
            var v = chargedBefore == null ? lane.Rest : Before(in lane, chargedBefore + i, lanes);
            sum += Lanes<T>.SumInPairs(g * lane.DecayDerivative(v, Current(x, scale, shift, i, lanes)));
        }
        return Vector512.Sum(sum);
    }

    // v[t−1] from h[t−1].
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<T> Before(in NeuronLanes<T> lane, T* charged, int lanes)
    {
        var h = Lanes<T>.Load(charged, lanes);
        return lane.Reset(h, lane.Fires(h));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<T> Current(T* x, T* scale, T* shift, int i, int lanes)
    {
        var value = Lanes<T>.Load(x + i, lanes);
        return scale == null ? value : value * Vector512.Load(scale + i) + Vector512.Load(shift + i);
    }
}
