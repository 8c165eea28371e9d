using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Volley.Shared.Config;
using Volley.Shared.Determinism;

namespace Volley.GpuNode.Data.Augmentation;

/// <summary>How the images of one step are mixed in pairs.</summary>
/// <param name="Lambda">Share of the image itself; the rest is its partner's.</param>
/// <param name="Box">Cutmix: the part that comes from the partner. Null: mixup.</param>
internal sealed record Mix(double Lambda, Rectangle? Box);

/// <summary>Mixup (Zhang et al. 2018) and cutmix (Yun et al. 2019) as the references do them: on bytes, before normalisation.</summary>
/// <remarks>
/// One λ for the whole global batch, drawn from Beta(α, α) by (seed, epoch, step); the partner of position p of G is G − 1 − p. With
/// both on, each step takes one of them with equal chance. Cutmix corrects λ to the area that was really cut.
/// </remarks>
internal sealed class Mixing(AugmentSpec spec, ImageShape shape, ulong seed)
{
    public bool IsConfigured { get; } = spec.Mixup > 0 || spec.Cutmix > 0;

    /// <returns>Null from <see cref="AugmentSpec.MixupOffEpoch"/> on (targets stay smoothed).</returns>
    public Mix? Draw(int epoch, int step)
    {
        if (!IsConfigured || (spec.MixupOffEpoch > 0 && epoch >= spec.MixupOffEpoch)) return null;
        var random = KeyedRandom.For(seed, "mix", epoch, step);
        var isCutmix = spec.Mixup <= 0 || (spec.Cutmix > 0 && random.NextDouble() < 0.5);
        var lambda = BetaDistribution.Draw(ref random, isCutmix ? spec.Cutmix : spec.Mixup);
        if (!isCutmix) return new(lambda, null);

        var edge = Math.Sqrt(1 - lambda);
        int halfHeight = (int)(shape.Height * edge) / 2, halfWidth = (int)(shape.Width * edge) / 2;
        int row = random.NextInt(shape.Height), column = random.NextInt(shape.Width);
        var box = Rectangle.Clipped(shape, row - halfHeight, column - halfWidth, row + halfHeight, column + halfWidth);
        return new(1 - (double)box.Area / shape.Plane, box);
    }

    public static int PartnerOf(int position, int globalCount) => globalCount - 1 - position;

    /// <summary>Writes the mixture of two images.</summary>
    public static void MixPixels(Mix mix, ReadOnlySpan<byte> own, ReadOnlySpan<byte> partner, Span<byte> result, ImageShape shape)
    {
        if (mix.Box is { } box)
        {
            own.CopyTo(result);
            box.Copy(partner, result, shape);
        }
        else
        {
            Blend(own, partner, result, (float)mix.Lambda, (float)(1 - mix.Lambda));
        }
    }

    /// <summary>own · λ + partner · (1 − λ) in F32, rounded half to even.</summary>
    private static void Blend(ReadOnlySpan<byte> own, ReadOnlySpan<byte> partner, Span<byte> result, float share, float rest)
    {
        var i = 0;
        if (Vector256.IsHardwareAccelerated)
        {
            ref var a = ref MemoryMarshal.GetReference(own);
            ref var b = ref MemoryMarshal.GetReference(partner);
            ref var target = ref MemoryMarshal.GetReference(result);
            for (; i <= own.Length - Vector128<byte>.Count; i += Vector128<byte>.Count)
            {
                var (aLow, aHigh) = ByteLanes.ToSingle(Vector128.LoadUnsafe(ref a, (nuint)i));
                var (bLow, bHigh) = ByteLanes.ToSingle(Vector128.LoadUnsafe(ref b, (nuint)i));
                var low = Vector256.ConvertToInt32(Vector256.Round(aLow * share + bLow * rest, MidpointRounding.ToEven));
                var high = Vector256.ConvertToInt32(Vector256.Round(aHigh * share + bHigh * rest, MidpointRounding.ToEven));
                var words = Vector256.Narrow(low, high).AsUInt16();
                Vector128.Narrow(words.GetLower(), words.GetUpper()).StoreUnsafe(ref target, (nuint)i);
            }
        }
        for (; i < own.Length; i++) result[i] = (byte)MathF.Round(own[i] * share + partner[i] * rest, MidpointRounding.ToEven);
    }
}
