using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Volley.GpuNode.Collectives;
using Volley.GpuNode.Training.Optimizers;

namespace Volley.GpuNode.Gradients;

/// <summary>One hash over everything that ranks must agree on before they exchange gradients: other names, shapes, offsets, bucket borders, types or shards give another.</summary>
public static class PlanHash
{
    /// <param name="plan">Of the gradients.</param>
    /// <param name="buffers">Running statistics.</param>
    /// <param name="type">Of both.</param>
    /// <param name="shards">S.</param>
    /// <param name="norms">Batch norms exchange too.</param>
    /// <returns>SHA-256, lower-case hex.</returns>
    public static string Of(BucketPlan plan, FlatLayout buffers, ElementType type, WireType wire, int shards, bool norms = false)
    {
        var text = new StringBuilder();
        // Bump the number when ranks begin other operations, or in another order, for the same layout.
        text.Append(CultureInfo.InvariantCulture, $"plan 1\n{type} {wire} {shards} {norms}\n");
        Append(text, "parameter", plan.Layout);
        Append(text, "buffer", buffers);
        foreach (var bucket in plan.Buckets) text.Append(CultureInfo.InvariantCulture, $"bucket {bucket.Start} {bucket.Length}\n");
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())));
    }

    private static void Append(StringBuilder text, string kind, FlatLayout layout)
    {
        foreach (var slot in layout.Slots)
            text.Append(CultureInfo.InvariantCulture, $"{kind} {slot.Name} [{string.Join(',', slot.Shape)}] {slot.Offset} {slot.PaddedCount}\n");
    }
}
