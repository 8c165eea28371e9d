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

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Exp(Vector512<T> x) =>
        typeof(T) == typeof(float) ? Vector512.Exp(x.As<T, float>()).As<float, T>() : Vector512.Exp(x.As<T, double>()).As<double, T>();

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
