using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Volley.Models.Spiking.Fused;

/// <summary>The inner loops: one time step of one block, whose length is whole vectors.</summary>
/// <remarks>Compiled fully at their first call: a step calls them thousands of times, and the runtime swaps slow code for fast only when it finds an idle core.</remarks>
internal static unsafe class NeuronSteps<T> where T : unmanaged, INumber<T>
{
    /// <param name="scale">Of the norm before, or null.</param>
    /// <param name="v">Membranes, read and written.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Forward(in NeuronLanes<T> neuron, T* scale, T* shift, T* x, T* v, T* spikes, int length)
    {
        var lane = neuron;
        for (var i = 0; i < length; i += Lanes<T>.Count)
        {
            var h = lane.Charge(Vector512.Load(v + i), Current(x, scale, shift, i));
            var fires = lane.Fires(h);
            lane.Spike(fires).Store(spikes + i);
            lane.Reset(h, fires).Store(v + i);
        }
    }

    /// <summary>h[t] from x[t] and h[t−1] (null at the first time step).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Charge(in NeuronLanes<T> neuron, T* scale, T* shift, T* x, T* chargedBefore, T* charged, int length)
    {
        var lane = neuron;
        for (var i = 0; i < length; i += Lanes<T>.Count)
            lane.Charge(Membrane(in lane, chargedBefore, i), Current(x, scale, shift, i)).Store(charged + i);
    }

    /// <param name="membraneGradient">∂L/∂v[t], replaced by ∂L/∂v[t−1].</param>
    /// <param name="currentGradient">∂L/∂x[t], written or, where <paramref name="isAdded"/>, added to.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Backward(in NeuronLanes<T> neuron, T* charged, T* spikeGradient, T* membraneGradient, T* currentGradient, bool isAdded, int length)
    {
        var lane = neuron;
        for (var i = 0; i < length; i += Lanes<T>.Count)
        {
            var g = lane.ChargedGradient(Vector512.Load(charged + i), Vector512.Load(spikeGradient + i), Vector512.Load(membraneGradient + i));
            lane.PreviousMembraneGradient(g).Store(membraneGradient + i);
            var gradient = lane.InputGradient(g);
            if (isAdded) gradient += Vector512.Load(currentGradient + i);
            gradient.Store(currentGradient + i);
        }
    }

    /// <returns>Σ ∂L/∂h · ∂h/∂k.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static double Decay(
        in NeuronLanes<T> neuron, T* scale, T* shift, T* x, T* chargedBefore, T* charged, T* spikeGradient, T* membraneGradient, int length)
    {
        var lane = neuron;
        var sum = Vector512<double>.Zero;
        for (var i = 0; i < length; i += Lanes<T>.Count)
        {
            var g = lane.ChargedGradient(Vector512.Load(charged + i), Vector512.Load(spikeGradient + i), Vector512.Load(membraneGradient + i));
            sum += Lanes<T>.SumInPairs(g * lane.DecayDerivative(Membrane(in lane, chargedBefore, i), Current(x, scale, shift, i)));
        }
        return Vector512.Sum(sum);
    }

    // v[t−1] from h[t−1].
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<T> Membrane(in NeuronLanes<T> lane, T* charged, int i)
    {
        if (charged == null) return lane.Rest;
        var h = Vector512.Load(charged + i);
        return lane.Reset(h, lane.Fires(h));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<T> Current(T* x, T* scale, T* shift, int i)
    {
        var value = Vector512.Load(x + i);
        return scale == null ? value : value * Vector512.Load(scale + i) + Vector512.Load(shift + i);
    }
}
