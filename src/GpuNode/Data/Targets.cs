using Volley.GpuNode.Data.Packed;

namespace Volley.GpuNode.Data;

/// <summary>Labels and targets of a batch's rows.</summary>
internal static class Targets
{
    /// <summary>The class of one image into row <paramref name="row"/>; with several labels −1 there, and zeros and ones into the targets.</summary>
    public static void WriteLabel(PackedFile packed, int image, int row, BatchBuffer buffer)
    {
        if (!packed.Header.MultiLabel)
        {
            buffer.Labels[row] = packed.Label(image);
            return;
        }
        buffer.Labels[row] = -1;
        var labels = packed.LabelRow(image);
        var target = buffer.Targets.AsSpan(row * labels.Length, labels.Length);
        for (var label = 0; label < labels.Length; label++) target[label] = labels[label];
    }
}
