using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Volley.GpuNode.Training.Optimizers;

/// <summary>
/// Optimizer updates over raw memory, one pass each: bound by memory, so every value is read and written once. Lengths are whole
/// multiples of a Vector512 (<see cref="FlatLayout"/>), and products are never contracted into fused multiply-adds, so the bits
/// do not depend on the width the hardware has.
/// </summary>
internal static class UpdateKernels
{
    /// <summary>Adam's numbers for one step; <paramref name="CoupledDecay"/> is added to the gradient, <paramref name="Shrink"/> multiplies the value (AdamW: 1 − lr·λ).</summary>
    public readonly record struct AdamStep<T>(
        T GradientScale, T CoupledDecay, T Shrink, T OneMinusBeta1, T Beta2, T OneMinusBeta2, T StepSize, T RootBias2, T Eps);

    /// <summary>m += (1−β₁)(g−m);  v = β₂v + (1−β₂)g²;  p = p·shrink − stepSize · m / (√v / √(1−β₂ᵗ) + ε).</summary>
    public static void Adam<T>(Span<T> values, ReadOnlySpan<T> gradients, Span<T> firstMoments, Span<T> secondMoments, in AdamStep<T> step)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        RequireWholeVectors(values, gradients, firstMoments, secondMoments);
        var scale = Vector512.Create(step.GradientScale);
        var decay = Vector512.Create(step.CoupledDecay);
        var shrink = Vector512.Create(step.Shrink);
        var oneMinusBeta1 = Vector512.Create(step.OneMinusBeta1);
        var beta2 = Vector512.Create(step.Beta2);
        var oneMinusBeta2 = Vector512.Create(step.OneMinusBeta2);
        var stepSize = Vector512.Create(step.StepSize);
        var rootBias2 = Vector512.Create(step.RootBias2);
        var eps = Vector512.Create(step.Eps);
        ref var p0 = ref MemoryMarshal.GetReference(values);
        ref var g0 = ref MemoryMarshal.GetReference(gradients);
        ref var m0 = ref MemoryMarshal.GetReference(firstMoments);
        ref var v0 = ref MemoryMarshal.GetReference(secondMoments);
        for (nuint i = 0; i < (nuint)values.Length; i += (nuint)Vector512<T>.Count)
        {
            var p = Vector512.LoadUnsafe(ref p0, i);
            var g = Vector512.LoadUnsafe(ref g0, i) * scale + decay * p;
            var m = Vector512.LoadUnsafe(ref m0, i);
            m += (g - m) * oneMinusBeta1;
            var v = Vector512.LoadUnsafe(ref v0, i) * beta2 + g * g * oneMinusBeta2;
            var denominator = Vector512.Sqrt(v) / rootBias2 + eps;
            p = p * shrink - stepSize * (m / denominator);
            p.StoreUnsafe(ref p0, i);
            m.StoreUnsafe(ref m0, i);
            v.StoreUnsafe(ref v0, i);
        }
    }

    /// <summary>g' = g·scale + λp;  b = μb + g';  p −= lr · (nesterov ? g' + μb : b).</summary>
    public static void Sgd<T>(Span<T> values, ReadOnlySpan<T> gradients, Span<T> momenta, T gradientScale, T coupledDecay, T momentum, T learningRate, bool nesterov)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        RequireWholeVectors(values, gradients, momenta, momenta);
        var scale = Vector512.Create(gradientScale);
        var decay = Vector512.Create(coupledDecay);
        var mu = Vector512.Create(momentum);
        var rate = Vector512.Create(learningRate);
        ref var p0 = ref MemoryMarshal.GetReference(values);
        ref var g0 = ref MemoryMarshal.GetReference(gradients);
        ref var b0 = ref MemoryMarshal.GetReference(momenta);
        for (nuint i = 0; i < (nuint)values.Length; i += (nuint)Vector512<T>.Count)
        {
            var p = Vector512.LoadUnsafe(ref p0, i);
            var g = Vector512.LoadUnsafe(ref g0, i) * scale + decay * p;
            var b = Vector512.LoadUnsafe(ref b0, i) * mu + g;
            (p - rate * (nesterov ? g + mu * b : b)).StoreUnsafe(ref p0, i);
            b.StoreUnsafe(ref b0, i);
        }
    }

    /// <returns>Σ x², accumulated in double: finite exactly when every element is (a float's square never overflows a double).</returns>
    public static double SumOfSquares(ReadOnlySpan<float> values)
    {
        RequireWholeVectors(values, values, values, values);
        var low = Vector512<double>.Zero;
        var high = Vector512<double>.Zero;
        ref var x0 = ref MemoryMarshal.GetReference(values);
        for (nuint i = 0; i < (nuint)values.Length; i += (nuint)Vector512<float>.Count)
        {
            var (a, b) = Vector512.Widen(Vector512.LoadUnsafe(ref x0, i));
            low += a * a;
            high += b * b;
        }
        return SumLanes(low + high);
    }

    /// <inheritdoc cref="SumOfSquares(ReadOnlySpan{float})"/>
    public static double SumOfSquares(ReadOnlySpan<double> values)
    {
        RequireWholeVectors(values, values, values, values);
        var sum = Vector512<double>.Zero;
        ref var x0 = ref MemoryMarshal.GetReference(values);
        for (nuint i = 0; i < (nuint)values.Length; i += (nuint)Vector512<double>.Count)
        {
            var x = Vector512.LoadUnsafe(ref x0, i);
            sum += x * x;
        }
        return SumLanes(sum);
    }

    // One fixed order: Vector512.Sum may add lanes differently on narrower hardware.
    private static double SumLanes(Vector512<double> lanes)
    {
        var sum = 0.0;
        for (var lane = 0; lane < Vector512<double>.Count; lane++) sum += lanes[lane];
        return sum;
    }

    private static void RequireWholeVectors<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, ReadOnlySpan<T> c, ReadOnlySpan<T> d) where T : unmanaged
    {
        if (a.Length % Vector512<T>.Count != 0 || b.Length != a.Length || c.Length != a.Length || d.Length != a.Length)
            throw new ArgumentException($"lengths {a.Length}, {b.Length}, {c.Length}, {d.Length} must be equal multiples of {Vector512<T>.Count}.");
    }
}
