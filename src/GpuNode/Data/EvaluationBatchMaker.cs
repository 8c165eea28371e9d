using Volley.GpuNode.Data.Packed;

namespace Volley.GpuNode.Data;

/// <summary>Evaluation: pixels as they are, normalised; targets neither smoothed nor mixed.</summary>
internal sealed class EvaluationBatchMaker(PackedFile packed, Normalisation normalisation) : IBatchMaker
{
    public ImageBatch Make(BatchPlan plan, BatchBuffer buffer)
    {
        var images = plan.Images.Span.Slice(plan.First, plan.Count);
        var imageBytes = packed.Header.ImageBytes;
        for (var row = 0; row < images.Length; row++)
        {
            normalisation.Apply(packed.Pixels(images[row]), buffer.Pixels.AsSpan(row * imageBytes, imageBytes));
            if (packed.Header.MultiLabel)
            {
                buffer.Labels[row] = -1;
                var labels = packed.LabelRow(images[row]);
                var target = buffer.TargetRow(row);
                for (var label = 0; label < labels.Length; label++) target[label] = labels[label];
            }
            else
            {
                buffer.Labels[row] = packed.Label(images[row]);
            }
        }
        return new ImageBatch
        {
            Epoch = plan.Epoch,
            StepInEpoch = plan.Step,
            Shard = plan.Shard,
            Count = images.Length,
            GlobalCount = plan.Images.Length,
            Pixels = buffer.Pixels,
            Labels = buffer.Labels,
            Targets = buffer.Targets,
        };
    }
}
