using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Volley.Models.Spiking.Fused;

/// <summary>One vector of neurons: the equations of <see cref="SpikingNeuron"/> and their derivatives, in the same order of operations.</summary>
/// <remarks>No fused multiply-add: spikes are then equal to those of the plain version, bit for bit.</remarks>
internal readonly struct NeuronLanes<T> where T : unmanaged, INumber<T>
{
    private readonly Vector512<T> _decay, _leak, _threshold, _resetLevel, _slope, _one = Vector512<T>.One;
    private readonly Vector512<T> _halfPiAlpha, _halfAlpha;
    private readonly bool _isLeaky, _decaysInput, _isHard, _isDetached, _isSigmoid;

    /// <param name="decay">k = 1/τ, or null where nothing leaks.</param>
    public NeuronLanes(NeuronSettings settings, double? decay)
    {
        _isLeaky = decay is not null;
        _decay = Lanes<T>.All(decay ?? 0);
        _leak = _one - _decay;
        _decaysInput = settings.DecayInput;
        _threshold = Lanes<T>.All(settings.Threshold);
        Rest = Lanes<T>.All(settings.Rest);
        _resetLevel = Rest;
        _isHard = settings.VReset is not null;
        _isDetached = settings.DetachReset;
        _isSigmoid = settings.Surrogate.Shape == SurrogateShape.Sigmoid;
        _slope = Lanes<T>.All(settings.Surrogate.Alpha);
        _halfPiAlpha = Lanes<T>.All(0.5 * Math.PI * settings.Surrogate.Alpha);
        _halfAlpha = Lanes<T>.All(0.5 * settings.Surrogate.Alpha);
    }

    public Vector512<T> Rest { get; }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<T> Charge(Vector512<T> v, Vector512<T> x)
    {
        if (!_isLeaky) return v + x;
        var aboveRest = v - Rest;
        return _decaysInput ? v + (x - aboveRest) * _decay : v - aboveRest * _decay + x;
    }

    /// <returns>All bits set where h ≥ v_th.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<T> Fires(Vector512<T> h) => Vector512.GreaterThanOrEqual(h, _threshold);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<T> Spike(Vector512<T> fires) => fires & _one;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<T> Reset(Vector512<T> h, Vector512<T> fires) =>
        _isHard ? Vector512.ConditionalSelect(fires, _resetLevel, h) : h - (fires & _threshold);

    /// <summary>∂L/∂h from ∂L/∂s and ∂L/∂v (v after the reset).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<T> ChargedGradient(Vector512<T> h, Vector512<T> spikeGradient, Vector512<T> membraneGradient)
    {
        var surrogate = Surrogate(h - _threshold);
        var throughReset = _isHard ? Vector512.AndNot(membraneGradient, Fires(h)) : membraneGradient;
        if (!_isDetached) spikeGradient += membraneGradient * (_isHard ? _resetLevel - h : -_threshold);
        return spikeGradient * surrogate + throughReset;
    }

    /// <summary>∂L/∂x from ∂L/∂h.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<T> InputGradient(Vector512<T> chargedGradient) =>
        _isLeaky && _decaysInput ? chargedGradient * _decay : chargedGradient;

    /// <summary>∂L/∂v[t−1] from ∂L/∂h[t].</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<T> PreviousMembraneGradient(Vector512<T> chargedGradient) => _isLeaky ? chargedGradient * _leak : chargedGradient;

    /// <summary>∂h/∂k, what the time constant's gradient sums.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<T> DecayDerivative(Vector512<T> v, Vector512<T> x) => _decaysInput ? x - (v - Rest) : Rest - v;

    // σ(z)(1 − σ(z)) = e / (1 + e)² with e = exp(−|z|): even in z, and nothing overflows.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector512<T> Surrogate(Vector512<T> u)
    {
        if (_isSigmoid)
        {
            var e = Lanes<T>.ExpOfNegative(-Vector512.Abs(u * _slope));
            var sum = _one + e;
            return _slope * e / (sum * sum);
        }
        var scaled = u * _halfPiAlpha;
        return _halfAlpha / (_one + scaled * scaled);
    }
}
