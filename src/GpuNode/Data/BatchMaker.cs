using Volley.GpuNode.Data.Packed;

namespace Volley.GpuNode.Data;

/// <summary>Evaluation: pixels as they are, normalised.</summary>
internal sealed class EvaluationBatchMaker(PackedFile packed, Normalisation normalisation) : IBatchMaker
{
    public ImageBatch Make(BatchPlan plan, BatchBuffer buffer)
    {
        var images = plan.Images.Span.Slice(plan.First, plan.Count);
        var imageBytes = packed.Header.ImageBytes;
        for (var i = 0; i < images.Length; i++)
        {
            normalisation.Apply(packed.Pixels(images[i]), buffer.Pixels.AsSpan(i * imageBytes, imageBytes));
            Targets.WriteLabel(packed, images[i], i, buffer);
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
            Targets = packed.Header.MultiLabel ? buffer.Targets : null,
        };
    }
}
