using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Volley.Models.Spiking.Fused;

/// <summary>What both element types need of one 512-bit vector. Machines without AVX-512 run it as two halves.</summary>
internal static unsafe class Lanes<T> where T : unmanaged, INumber<T>
{
    public static int Count => Vector512<T>.Count;

    public static Vector512<T> All(double value) => Vector512.Create(T.CreateChecked(value));

    /// <summary>The first <paramref name="lanes"/> elements; zeros beyond, so that sums over all lanes are right.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Load(T* source, int lanes) => lanes == Count ? Vector512.Load(source) : LoadPart(source, lanes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<T> value, T* destination, int lanes)
    {
        if (lanes == Count) value.Store(destination);
        else StorePart(value, destination, lanes);
    }

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
        var power = Vector512.ShiftLeft(Vector512.ConvertToInt32(n) + Vector512.Create(127), 23).AsSingle();
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

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Vector512<T> LoadPart(T* source, int lanes)
    {
        var part = stackalloc T[Count];
        for (var i = 0; i < lanes; i++) part[i] = source[i];
        return Vector512.Load(part);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void StorePart(Vector512<T> value, T* destination, int lanes)
    {
        for (var i = 0; i < lanes; i++) destination[i] = value.GetElement(i);
    }
}
