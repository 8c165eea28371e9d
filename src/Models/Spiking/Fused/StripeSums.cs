using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Volley.Models.Spiking.Fused;

/// <summary>Two sums per channel over one chunk, as stripes in the element type that are emptied into doubles every few blocks.</summary>
/// <remarks>A block is at most a stripe of a matrix, from a stripe's start on.</remarks>
internal sealed unsafe class StripeSums<T>(int stripe) where T : unmanaged, INumber<T>
{
    // Addends of one place in the element type before they go to double: fp32 keeps about six digits of so many.
    private const int AddendsPerFlush = 64;

    private readonly T[] _recentFirst = new T[stripe], _recentSecond = new T[stripe];
    private readonly double[] _first = new double[stripe], _second = new double[stripe];
    private int _addends;

    /// <summary>Adds g to the first, g · (x − mean) to the second.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void AddMoments(T* g, T* x, T* mean, int length)
    {
        fixed (T* first = _recentFirst, second = _recentSecond)
        {
            var whole = Lanes<T>.Whole(length);
            for (var i = 0; i < whole; i += Lanes<T>.Count)
            {
                var value = Vector512.Load(g + i);
                (Vector512.Load(first + i) + value).Store(first + i);
                (Vector512.Load(second + i) + value * (Vector512.Load(x + i) - Vector512.Load(mean + i))).Store(second + i);
            }
            for (var i = whole; i < length; i++)
            {
                first[i] += g[i];
                second[i] += g[i] * (x[i] - mean[i]);
            }
        }
        CountAddend();
    }

    /// <summary>Adds x − origin to the first, its square to the second.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void AddSquares(T* x, T* origin, int length)
    {
        fixed (T* first = _recentFirst, second = _recentSecond)
        {
            var whole = Lanes<T>.Whole(length);
            for (var i = 0; i < whole; i += Lanes<T>.Count)
            {
                var away = Vector512.Load(x + i) - Vector512.Load(origin + i);
                (Vector512.Load(first + i) + away).Store(first + i);
                (Vector512.Load(second + i) + away * away).Store(second + i);
            }
            for (var i = whole; i < length; i++)
            {
                var away = x[i] - origin[i];
                first[i] += away;
                second[i] += away * away;
            }
        }
        CountAddend();
    }

    public (double[] First, double[] Second) Total()
    {
        Flush();
        return (_first, _second);
    }

    private void CountAddend()
    {
        if (++_addends == AddendsPerFlush) Flush();
    }

    private void Flush()
    {
        for (var i = 0; i < _first.Length; i++)
        {
            _first[i] += double.CreateChecked(_recentFirst[i]);
            _second[i] += double.CreateChecked(_recentSecond[i]);
        }
        Array.Clear(_recentFirst);
        Array.Clear(_recentSecond);
        _addends = 0;
    }
}
