using Volley.GpuNode.Collectives;
using Volley.GpuNode.Gradients;
using Volley.Shared.Config;
using static TorchSharp.torch;

namespace Volley.GpuNode.Training;

/// <summary>What a model's ranks exchange in a step, and in which order: follows from model and configuration alone, so every rank makes the same.</summary>
public sealed class GradientPlan
{
    private readonly Dictionary<string, long> _finalBehind;

    private GradientPlan(TrainingModel model, TrialSpec spec, long bucketBytes)
    {
        Type = model.Parameters.Gradients.dtype == ScalarType.Float64 ? ElementType.Float64 : ElementType.Float32;
        Wire = spec.Train.GradientWire == "bf16" ? WireType.BFloat16 : WireType.Same;
        Buckets = BucketPlan.Of(model.Parameters.Layout, Type == ElementType.Float64 ? 8 : 4, bucketBytes);
        Hash = PlanHash.Of(Buckets, model.Buffers.Layout, Type, Wire, spec.Resources.Ranks, spec.Train.SyncBatchNorm);
        _finalBehind = model.Network.Blocks.ToDictionary(block => block, block => FirstOffset(block + "."));
    }

    public ElementType Type { get; }

    public WireType Wire { get; }

    public BucketPlan Buckets { get; }

    /// <summary>For <see cref="GroupDescription.PlanHash"/>.</summary>
    public string Hash { get; }

    public static GradientPlan Of(TrainingModel model, TrialSpec spec, long bucketBytes = BucketPlan.BucketBytes) => new(model, spec, bucketBytes);

    /// <returns>How many elements at the front of the flat buffer are final when backward has come to <paramref name="block"/>'s output.</returns>
    public long FinalBehind(string block) => _finalBehind[block];

    // What was registered after a block lies before it: registration is the order of forward (ImageClassifier.Blocks), the buffer its reverse.
    private long FirstOffset(string prefix) =>
        Buckets.Layout.Slots.FirstOrDefault(slot => slot.Name.StartsWith(prefix, StringComparison.Ordinal))?.Offset
        ?? throw new InvalidOperationException($"block {prefix} has no parameter in the plan.");
}
