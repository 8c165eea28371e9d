using Volley.Shared.Config;

namespace Volley.Shared.ModelCosts;

/// <summary>From a specification to its counts. Equal to the real modules' and to the references' (tests compare both).</summary>
public static class ModelCounter
{
    /// <param name="spec">A specification that passed its validation.</param>
    /// <param name="input">What the data decides.</param>
    public static ModelCounts Count(ModelSpec spec, ModelInput input) => spec switch
    {
        ResNetSpec resNet => ConvolutionalCounts.Count(resNet, input),
        VitSpec vit => VisionTransformerCounts.Count(vit, input),
        SdtSpec sdt => SdtCounts.Count(sdt, input),
        SpikformerSpec spikformer => SpikformerCounts.Count(spikformer, input),
        _ => throw new ArgumentException($"no counts for a {spec.GetType().Name}", nameof(spec)),
    };

    /// <summary>Size after a 3×3 convolution or pooling with stride 2 and padding 1, or a 1×1 convolution with stride 2.</summary>
    internal static long Halved(long size) => (size - 1) / 2 + 1;
}
