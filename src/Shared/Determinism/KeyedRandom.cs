namespace Volley.Shared.Determinism;

/// <summary>A small generator for one purpose at one position: SplitMix64 (Steele, Lea, Flood 2014).</summary>
/// <remarks>A mutable struct: pass it by <c>ref</c> or keep it in a local.</remarks>
public struct KeyedRandom(ulong seed)
{
    private ulong _state = seed;

    public static KeyedRandom For(ulong seed, string purpose, params ReadOnlySpan<long> position) =>
        new(Seeds.Derive(seed, purpose, position));

    public ulong NextUInt64()
    {
        var z = _state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// <returns>Uniform in [0, 1), 53 random bits.</returns>
    public double NextDouble() => (NextUInt64() >> 11) * (1.0 / (1UL << 53));

    /// <returns>Uniform in [0, exclusiveMax), without modulo bias (Lemire 2019).</returns>
    public int NextInt(int exclusiveMax)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(exclusiveMax);
        var bound = (ulong)exclusiveMax;
        var high = Math.BigMul(NextUInt64(), bound, out var low);
        if (low < bound)
        {
            var threshold = (0 - bound) % bound;
            while (low < threshold) high = Math.BigMul(NextUInt64(), bound, out low);
        }
        return (int)high;
    }

    /// <returns>Standard normal (Box–Muller; one of the pair is dropped, so that a draw costs two numbers always).</returns>
    public double NextGaussian() =>
        Math.Sqrt(-2.0 * Math.Log(1.0 - NextDouble())) * Math.Cos(2.0 * Math.PI * NextDouble());

    /// <summary>Fisher–Yates, in place.</summary>
    public void Shuffle<T>(Span<T> items)
    {
        for (var i = items.Length - 1; i > 0; i--)
        {
            var j = NextInt(i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }
}
