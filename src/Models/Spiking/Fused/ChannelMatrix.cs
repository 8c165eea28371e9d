using System.Numerics;
using System.Runtime.Intrinsics;

namespace Volley.Models.Spiking.Fused;

/// <summary>How kernels walk a row-major matrix [rows, C] whose columns are channels.</summary>
/// <remarks>
/// A <em>stripe</em> is a few rows that fill whole vectors: a multiple, in elements, of C and of a vector's lanes. Per-channel numbers are repeated to a stripe's
/// length, so that one vector load fits any position, whatever C is. Sums per channel are kept as stripes too, and chunks are added in their order: results depend
/// on the shape alone, not on threads.
/// </remarks>
internal readonly struct ChannelMatrix<T> where T : unmanaged, INumber<T>
{
    // Least length of a stripe: the tables and sums of one stripe, and T time steps of it, stay in the first-level cache; loops are long enough to pay.
    private const int LeastStripe = 1024;

    // Elements of one time step in a chunk, the unit that threads share out.
    private const int ElementsPerChunk = 16384;

    public ChannelMatrix(int channels)
    {
        Channels = channels;
        var (a, b) = (channels, Vector512<T>.Count);
        while (b != 0) (a, b) = (b, a % b);
        var wholeVectors = channels / a * Vector512<T>.Count;
        Stripe = (LeastStripe + wholeVectors - 1) / wholeVectors * wholeVectors;
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
    public (double[] First, double[] Second) Total((double[] First, double[] Second)[] chunks)
    {
        var (first, second) = (new double[Stripe], new double[Stripe]);
        foreach (var chunk in chunks)
        {
            for (var i = 0; i < first.Length; i++)
            {
                first[i] += chunk.First[i];
                second[i] += chunk.Second[i];
            }
        }
        for (var i = Channels; i < first.Length; i++)
        {
            first[i % Channels] += first[i];
            second[i % Channels] += second[i];
        }
        return (first[..Channels], second[..Channels]);
    }
}
