using Volley.Shared.Determinism;

namespace Volley.GpuNode.Data.Augmentation;

/// <summary>Beta(α, α) as G₁ / (G₁ + G₂) of two Gamma(α) variates (Marsaglia, Tsang 2000).</summary>
/// <remarks>The logarithms of the variates are kept: for a small α they underflow, their ratio does not.</remarks>
internal static class BetaDistribution
{
    /// <returns>In [0, 1].</returns>
    public static double Draw(ref KeyedRandom random, double alpha)
    {
        var first = LogGamma(ref random, alpha);
        var second = LogGamma(ref random, alpha);
        return 1 / (1 + Math.Exp(second - first));
    }

    private static double LogGamma(ref KeyedRandom random, double alpha)
    {
        // Gamma(α) = Gamma(α + 1) · U^(1/α).
        if (alpha < 1)
        {
            var boost = Math.Log(1 - random.NextDouble()) / alpha;
            return LogGamma(ref random, alpha + 1) + boost;
        }
        var d = alpha - 1.0 / 3;
        var c = 1 / Math.Sqrt(9 * d);
        while (true)
        {
            var x = random.NextGaussian();
            var root = 1 + c * x;
            if (root <= 0) continue;
            var v = root * root * root;
            var u = 1 - random.NextDouble();
            if (Math.Log(u) < 0.5 * x * x + d * (1 - v + Math.Log(v))) return Math.Log(d * v);
        }
    }
}
