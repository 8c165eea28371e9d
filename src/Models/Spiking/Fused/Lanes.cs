using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Volley.Models.Spiking.Fused;

/// <summary>What both element types need of one 512-bit vector. Machines without AVX-512 run it as two halves.</summary>
internal static class Lanes<T> where T : unmanaged, INumber<T>
{
    public static int Count => Vector512<T>.Count;

    public static Vector512<T> All(double value) => Vector512.Create(T.CreateChecked(value));

    /// <summary>How many of <paramref name="length"/> elements lie in whole vectors.</summary>
    /// <remarks>What is left over is done apart: a branch to a partial load inside a hot loop costs its registers, and doubled the time of a backward pass.</remarks>
    public static int Whole(int length) => length / Count * Count;

    /// <summary>e^x for x ≤ 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> ExpOfNegative(Vector512<T> x) =>
        typeof(T) == typeof(float) ? ExpOfNegative(x.As<T, float>()).As<float, T>() : Vector512.Exp(x.As<T, double>()).As<double, T>();

    // 2^n · 2^f with n the nearest integer and f in [−½, ½], 2^f as its Taylor polynomial of degree 6: within 2e-7 relative, far inside what a surrogate gradient
    // needs. Vector512.Exp works in double and took three quarters of the whole backward pass.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> ExpOfNegative(Vector512<float> x)
    {
        // Below 2^−126 there is nothing to tell from zero.
        var exponent = Vector512.Max(x * 1.44269504f, Vector512.Create(-126f));
        var n = Vector512.Round(exponent);
        var f = exponent - n;
        var p = Vector512.Create(1.54035304e-4f);
        p = Vector512.FusedMultiplyAdd(p, f, Vector512.Create(1.33335581e-3f));
        p = Vector512.FusedMultiplyAdd(p, f, Vector512.Create(9.61812911e-3f));
        p = Vector512.FusedMultiplyAdd(p, f, Vector512.Create(5.55041087e-2f));
        p = Vector512.FusedMultiplyAdd(p, f, Vector512.Create(2.40226507e-1f));
        p = Vector512.FusedMultiplyAdd(p, f, Vector512.Create(6.93147181e-1f));
        p = Vector512.FusedMultiplyAdd(p, f, Vector512<float>.One);
        var power = Vector512.ShiftLeft(Vector512.ConvertToInt32Native(n) + Vector512.Create(127), 23).AsSingle();
        return p * power;
    }

    /// <summary>In double precision, so that a long sum keeps its digits: fp32 gives the two halves added, fp64 itself.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<double> SumInPairs(Vector512<T> x)
    {
        if (typeof(T) == typeof(double)) return x.As<T, double>();
        var (low, high) = Vector512.Widen(x.As<T, float>());
        return low + high;
    }
}
