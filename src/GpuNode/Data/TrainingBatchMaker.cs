using Volley.GpuNode.Data.Augmentation;
using Volley.GpuNode.Data.Packed;

namespace Volley.GpuNode.Data;

/// <summary>Training: pixels augmented, mixed, normalised, erased, in that order (the references').</summary>
/// <remarks>
/// The partner of an image may belong to another shard; its pixels are then made here a second time. They are the same there, because
/// they follow from (seed, epoch, image) alone.
/// </remarks>
internal sealed class TrainingBatchMaker(PackedFile packed, Normalisation normalisation, AugmentationPipeline pipeline, int largestPart) : IBatchMaker
{
    private readonly ImageShape _shape = pipeline.Shape;
    private readonly byte[] _own = new byte[largestPart * pipeline.Shape.Bytes];
    private readonly byte[] _partner = new byte[pipeline.Shape.Bytes];
    private readonly byte[] _mixed = new byte[pipeline.Shape.Bytes];
    private readonly byte[] _scratch = new byte[pipeline.Shape.Bytes];

    public ImageBatch Make(BatchPlan plan, BatchBuffer buffer)
    {
        var step = plan.Images.Span;
        var mix = pipeline.Mixing.Draw(plan.Epoch, plan.Step);
        for (var i = 0; i < plan.Count; i++) Augment(step[plan.First + i], plan.Epoch, Own(i));
        for (var i = 0; i < plan.Count; i++)
        {
            var image = step[plan.First + i];
            var partnerPosition = mix is null ? plan.First + i : Mixing.PartnerOf(plan.First + i, step.Length);
            ReadOnlySpan<byte> pixels = Own(i);
            if (mix is not null)
            {
                Mixing.MixPixels(mix, pixels, PartnerPixels(plan, partnerPosition), _mixed, _shape);
                pixels = _mixed;
            }
            var result = buffer.Pixels.AsSpan(i * _shape.Bytes, _shape.Bytes);
            normalisation.Apply(pixels, result);
            foreach (var augmentation in pipeline.AfterNormalisation) augmentation.Apply(result, plan.Epoch, image);
            WriteTarget(buffer, i, image, step[partnerPosition], mix?.Lambda ?? 1);
        }
        return new ImageBatch
        {
            Epoch = plan.Epoch,
            StepInEpoch = plan.Step,
            Shard = plan.Shard,
            Count = plan.Count,
            GlobalCount = step.Length,
            Pixels = buffer.Pixels,
            Labels = buffer.Labels,
            Targets = buffer.Targets,
        };
    }

    private Span<byte> Own(int i) => _own.AsSpan(i * _shape.Bytes, _shape.Bytes);

    private ReadOnlySpan<byte> PartnerPixels(BatchPlan plan, int position)
    {
        if (position >= plan.First && position < plan.First + plan.Count) return Own(position - plan.First);
        Augment(plan.Images.Span[position], plan.Epoch, _partner);
        return _partner;
    }

    private void Augment(int image, int epoch, Span<byte> pixels)
    {
        packed.Pixels(image).CopyTo(pixels);
        foreach (var augmentation in pipeline.OnPixels) augmentation.Apply(pixels, _scratch, epoch, image);
    }

    private void WriteTarget(BatchBuffer buffer, int row, int image, int partner, double lambda)
    {
        if (packed.Header.MultiLabel)
        {
            buffer.Labels[row] = -1;
            SoftTargets.Write(buffer.TargetRow(row), packed.LabelRow(image), packed.LabelRow(partner), lambda);
            return;
        }
        buffer.Labels[row] = packed.Label(image);
        if (buffer.Targets is not null)
            SoftTargets.Write(buffer.TargetRow(row), packed.Label(image), packed.Label(partner), lambda, pipeline.LabelSmoothing);
    }
}
