using System.Numerics;
using System.Runtime.Intrinsics;

namespace Volley.Models.Spiking.Fused;

/// <summary>How kernels walk a row-major matrix [rows, C] whose columns are channels.</summary>
/// <remarks>
/// A <em>stripe</em> is the fewest rows that fill whole vectors: the least common multiple of C and the lanes of a vector, in elements. Per-channel numbers are
/// repeated to a stripe's length, so that one vector load fits any position, whatever C is. Sums per channel are kept as stripes too, in the element type for a few
/// stripes at a time, then in double; chunks are added in their order. Results depend on the shape alone, not on threads.
/// </remarks>
internal readonly struct ChannelMatrix<T> where T : unmanaged, INumber<T>
{
    // Stripes summed in the element type before they go to double: fp32 keeps about six digits of 64 addends.
    public const int StripesPerFlush = 64;

    // Elements of one time step in a chunk: its T rows of input and gradient stay in a core's second-level cache.
    private const int ElementsPerChunk = 16384;

    public ChannelMatrix(int channels)
    {
        Channels = channels;
        var (a, b) = (channels, Vector512<T>.Count);
        while (b != 0) (a, b) = (b, a % b);
        Stripe = channels / a * Vector512<T>.Count;
        ChunkLength = Math.Max(1, ElementsPerChunk / Stripe) * Stripe;
    }

    public int Channels { get; }

    /// <summary>Elements of a stripe.</summary>
    public int Stripe { get; }

    /// <summary>Elements of a chunk: whole stripes.</summary>
    public int ChunkLength { get; }

    /// <returns>The values, repeated to a stripe.</returns>
    public T[] Repeat(ReadOnlySpan<double> perChannel)
    {
        var stripe = new T[Stripe];
        for (var i = 0; i < stripe.Length; i++) stripe[i] = T.CreateChecked(perChannel[i % Channels]);
        return stripe;
    }

    /// <summary>Chunk sums, added in chunk order and folded from stripe to channel.</summary>
    public double[] Total(double[][] chunks)
    {
        var sums = new double[Channels];
        foreach (var chunk in chunks)
            for (var i = 0; i < Stripe; i++) sums[i % Channels] += chunk[i];
        return sums;
    }
}
