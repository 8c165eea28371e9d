using System.Numerics;
using System.Runtime.Intrinsics;

namespace Volley.Models.Spiking.Fused;

/// <summary>Forward and backward of a neuron layer over raw memory: one pass over the input each, the membrane stays in registers.</summary>
/// <remarks>
/// n neurons, T time steps; time step t of a tensor is elements [t·n, (t+1)·n). Backward recomputes the membrane from the input
/// instead of reading it: the layer saves nothing but its input. Both passes are bound by memory.
/// </remarks>
internal static unsafe class NeuronKernelLoops<T> where T : unmanaged, INumber<T>
{
    // A chunk's T rows of input, gradient and result stay in a core's second-level cache; enough chunks remain to share out.
    private const int NeuronsPerChunk = 8192;

    /// <param name="inputStride">n, or 0 where every time step has the same input.</param>
    public static void Forward(NeuronLanes<T> neuron, T* x, long inputStride, T* spikes, long n, int timeSteps)
    {
        Chunks.Run(n, NeuronsPerChunk, (_, first, end) =>
        {
            for (var i = first; i < end; i += Lanes<T>.Count)
            {
                var lanes = (int)Math.Min(Lanes<T>.Count, end - i);
                var v = neuron.Rest;
                for (var t = 0; t < timeSteps; t++)
                {
                    var h = neuron.Charge(v, Lanes<T>.Load(x + t * inputStride + i, lanes));
                    var fires = neuron.Fires(h);
                    Lanes<T>.Store(neuron.Spike(fires), spikes + t * n + i, lanes);
                    v = neuron.Reset(h, fires);
                }
            }
        });
    }

    /// <param name="spikeGradient">∂L/∂s, [T, n].</param>
    /// <param name="inputGradient">∂L/∂x, [T, n], or [n] where every time step has the same input. Written.</param>
    /// <returns>∂L/∂k where asked for, else 0.</returns>
    public static double Backward(
        NeuronLanes<T> neuron, T* x, long inputStride, T* spikeGradient, T* inputGradient, long n, int timeSteps, bool wantsDecayGradient)
    {
        var decayParts = new double[wantsDecayGradient ? Chunks.Count(n, NeuronsPerChunk) : 0];
        Chunks.Run(n, NeuronsPerChunk, (chunk, first, end) =>
        {
            // h[t] and v[t−1] of one vector of neurons.
            var charged = stackalloc Vector512<T>[timeSteps];
            var before = stackalloc Vector512<T>[timeSteps];
            var decaySum = Vector512<double>.Zero;
            for (var i = first; i < end; i += Lanes<T>.Count)
            {
                var lanes = (int)Math.Min(Lanes<T>.Count, end - i);
                var v = neuron.Rest;
                for (var t = 0; t < timeSteps; t++)
                {
                    var h = neuron.Charge(v, Lanes<T>.Load(x + t * inputStride + i, lanes));
                    (before[t], charged[t]) = (v, h);
                    v = neuron.Reset(h, neuron.Fires(h));
                }
                var (membraneGradient, repeatedSum, decay) = (Vector512<T>.Zero, Vector512<T>.Zero, Vector512<T>.Zero);
                for (var t = timeSteps - 1; t >= 0; t--)
                {
                    var g = neuron.ChargedGradient(charged[t], Lanes<T>.Load(spikeGradient + t * n + i, lanes), membraneGradient);
                    if (wantsDecayGradient) decay += g * neuron.DecayDerivative(before[t], Lanes<T>.Load(x + t * inputStride + i, lanes));
                    membraneGradient = neuron.PreviousMembraneGradient(g);
                    if (inputStride != 0) Lanes<T>.Store(neuron.InputGradient(g), inputGradient + t * n + i, lanes);
                    else repeatedSum += neuron.InputGradient(g);
                }
                if (inputStride == 0) Lanes<T>.Store(repeatedSum, inputGradient + i, lanes);
                if (wantsDecayGradient) decaySum += Lanes<T>.SumInPairs(decay);
            }
            if (wantsDecayGradient) decayParts[chunk] = Vector512.Sum(decaySum);
        });
        var total = 0.0;
        foreach (var part in decayParts) total += part;
        return total;
    }
}
