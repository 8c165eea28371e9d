namespace Volley.GpuNode.Data.Augmentation;

/// <summary>Targets [K] of one image, smoothed and mixed (golden/README, "losses").</summary>
internal static class SoftTargets
{
    /// <summary>One label: s / K everywhere, 1 − s + s / K at the label; mixed with the partner's by λ.</summary>
    public static void Write(Span<float> target, long label, long partnerLabel, double lambda, double smoothing)
    {
        var off = (float)(smoothing / target.Length);
        var on = (float)(1 - smoothing + smoothing / target.Length);
        float share = (float)lambda, rest = (float)(1 - lambda);
        for (var k = 0; k < target.Length; k++)
            target[k] = (k == label ? on : off) * share + (k == partnerLabel ? on : off) * rest;
    }

    /// <summary>Several labels: zeros and ones, mixed by λ; not smoothed.</summary>
    public static void Write(Span<float> target, ReadOnlySpan<byte> labels, ReadOnlySpan<byte> partnerLabels, double lambda)
    {
        float share = (float)lambda, rest = (float)(1 - lambda);
        for (var k = 0; k < target.Length; k++) target[k] = labels[k] * share + partnerLabels[k] * rest;
    }
}
