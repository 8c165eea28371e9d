using System.Numerics;
using System.Runtime.Intrinsics;

namespace Volley.Models.Spiking.Fused;

/// <summary>Norm and neurons in one pass: the normalised input is never written down.</summary>
/// <remarks>n elements a time step, a matrix [n / C, C]; time step t is elements [t·n, (t+1)·n). Backward recomputes norm and membrane from x.</remarks>
internal static unsafe class NormNeuronLoops<T> where T : unmanaged, INumber<T>
{
    /// <param name="inputStride">n, or 0 where every time step has the same input.</param>
    public static void Forward(NormTable table, NeuronLanes<T> neuron, T* x, long inputStride, T* spikes, long n, int timeSteps)
    {
        var matrix = new ChannelMatrix<T>(table.Mean.Length);
        var (scales, shifts) = (matrix.Repeat(table.Scale), matrix.Repeat(table.Shift));
        Chunks.Run(n, matrix.ChunkLength, (_, first, end) =>
        {
            fixed (T* scale = scales, shift = shifts)
            {
                for (var start = first; start < end; start += matrix.Stripe)
                {
                    var length = (int)Math.Min(matrix.Stripe, end - start);
                    for (var j = 0; j < length; j += Lanes<T>.Count)
                        ForwardVector(neuron, Lanes<T>.Load(scale + j, Lanes<T>.Count), Lanes<T>.Load(shift + j, Lanes<T>.Count), x + start + j, inputStride,
                            spikes + start + j, n, timeSteps, Math.Min(Lanes<T>.Count, length - j));
                }
            }
        });
    }

    /// <param name="spikeGradient">∂L/∂s, [T, n].</param>
    /// <param name="normedGradient">∂L/∂y of the normalised input, [T, n], or [n], summed over time, where every time step has the same input. Written.</param>
    /// <returns>Per channel Σ ∂L/∂y and Σ ∂L/∂y · (x − mean); ∂L/∂k where asked for, else 0.</returns>
    public static (double[] Sum, double[] Moment, double Decay) Backward(
        NormTable table, NeuronLanes<T> neuron, T* x, long inputStride, T* spikeGradient, T* normedGradient, long n, int timeSteps, bool wantsDecayGradient)
    {
        var matrix = new ChannelMatrix<T>(table.Mean.Length);
        var (scales, shifts, means) = (matrix.Repeat(table.Scale), matrix.Repeat(table.Shift), matrix.Repeat(table.Mean));
        var (sums, moments) = NormLoops<T>.Parts(matrix, n);
        var decays = new double[sums.Length];
        Chunks.Run(n, matrix.ChunkLength, (chunk, first, end) =>
        {
            // y[t], h[t] and v[t−1] of one vector of neurons.
            var normed = stackalloc Vector512<T>[timeSteps];
            var charged = stackalloc Vector512<T>[timeSteps];
            var before = stackalloc Vector512<T>[timeSteps];
            var (sum, moment) = (new StripeSum<T>(matrix.Stripe), new StripeSum<T>(matrix.Stripe));
            var decaySum = Vector512<double>.Zero;
            // A flush after every so many addends per place, of which each stripe brings one per time step.
            var stripesPerFlush = Math.Max(1, ChannelMatrix<T>.StripesPerFlush / timeSteps);
            fixed (T* scale = scales, shift = shifts, mean = means)
            {
                var stripes = 0;
                for (var start = first; start < end; start += matrix.Stripe)
                {
                    var length = (int)Math.Min(matrix.Stripe, end - start);
                    for (var j = 0; j < length; j += Lanes<T>.Count)
                    {
                        var lanes = Math.Min(Lanes<T>.Count, length - j);
                        var (a, b, m) = (Lanes<T>.Load(scale + j, Lanes<T>.Count), Lanes<T>.Load(shift + j, Lanes<T>.Count), Lanes<T>.Load(mean + j, Lanes<T>.Count));
                        var i = start + j;
                        var v = neuron.Rest;
                        for (var t = 0; t < timeSteps; t++)
                        {
                            var y = Lanes<T>.Load(x + t * inputStride + i, lanes) * a + b;
                            var h = neuron.Charge(v, y);
                            (normed[t], before[t], charged[t]) = (y, v, h);
                            v = neuron.Reset(h, neuron.Fires(h));
                        }
                        var (membraneGradient, total, weighted, decay) = (Vector512<T>.Zero, Vector512<T>.Zero, Vector512<T>.Zero, Vector512<T>.Zero);
                        for (var t = timeSteps - 1; t >= 0; t--)
                        {
                            var g = neuron.ChargedGradient(charged[t], Lanes<T>.Load(spikeGradient + t * n + i, lanes), membraneGradient);
                            if (wantsDecayGradient) decay += g * neuron.DecayDerivative(before[t], normed[t]);
                            membraneGradient = neuron.PreviousMembraneGradient(g);
                            var normedGradientHere = neuron.InputGradient(g);
                            total += normedGradientHere;
                            weighted += normedGradientHere * (Lanes<T>.Load(x + t * inputStride + i, lanes) - m);
                            if (inputStride != 0) Lanes<T>.Store(normedGradientHere, normedGradient + t * n + i, lanes);
                        }
                        if (inputStride == 0) Lanes<T>.Store(total, normedGradient + i, lanes);
                        sum.Add(j, total);
                        moment.Add(j, weighted);
                        if (wantsDecayGradient) decaySum += Lanes<T>.SumInPairs(decay);
                    }
                    if (++stripes % stripesPerFlush != 0) continue;
                    sum.Flush();
                    moment.Flush();
                }
            }
            sum.Flush();
            moment.Flush();
            (sums[chunk], moments[chunk], decays[chunk]) = (sum.Total, moment.Total, Vector512.Sum(decaySum));
        });
        return (matrix.Total(sums), matrix.Total(moments), decays.Sum());
    }

    private static void ForwardVector(
        NeuronLanes<T> neuron, Vector512<T> scale, Vector512<T> shift, T* x, long inputStride, T* spikes, long n, int timeSteps, int lanes)
    {
        var v = neuron.Rest;
        for (var t = 0; t < timeSteps; t++)
        {
            var h = neuron.Charge(v, Lanes<T>.Load(x + t * inputStride, lanes) * scale + shift);
            var fires = neuron.Fires(h);
            Lanes<T>.Store(neuron.Spike(fires), spikes + t * n, lanes);
            v = neuron.Reset(h, fires);
        }
    }
}
