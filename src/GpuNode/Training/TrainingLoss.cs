using Volley.GpuNode.Data;
using Volley.Models;
using Volley.Models.Losses;
using Volley.Shared.Config;
using static TorchSharp.torch;

namespace Volley.GpuNode.Training;

/// <summary>Forward and loss of some images, as a sum over them: the step divides by the images of the whole global batch.</summary>
internal sealed class TrainingLoss
{
    private readonly TrainingSpec _spec;
    private readonly ModelInput _input;
    private readonly string _kind;

    /// <exception cref="ConfigException">The loss asked for does not go with the data or the model.</exception>
    public TrainingLoss(TrainingSpec spec, ModelInput input)
    {
        _spec = spec;
        _input = input;
        _kind = spec.Loss.Length > 0 ? spec.Loss : input.MultiLabel ? "bce" : "cross_entropy";
        if (_kind is not ("cross_entropy" or "bce" or "tet"))
            throw new ConfigException("train.loss", $"is '{spec.Loss}', must be one of cross_entropy, tet, bce, or empty for what the data asks for.");
        if (input.MultiLabel != (_kind == "bce"))
            throw new ConfigException("train.loss", $"is {_kind}, but the data has {(input.MultiLabel ? "several labels" : "one label")} per image; use {(input.MultiLabel ? "bce" : "cross_entropy or tet")}, or leave it out.");
        if (_kind == "tet" && spec.Model is not SpikingSpec)
            throw new ConfigException("train.loss", $"is tet, which needs the time steps of a spiking model; {spec.Model.Name} has none. Use cross_entropy.");
    }

    /// <param name="network">In training mode.</param>
    /// <param name="pixels_BCHW">Borrowed.</param>
    /// <param name="batch">Whose images <paramref name="first"/> … <paramref name="first"/> + B − 1 these are.</param>
    /// <returns>The summed loss (a scalar, f32 or f64, differentiable) and the images classified right (a scalar; 0 with several labels).</returns>
    public (Tensor LossSum, Tensor Hits) Compute(ImageClassifier network, Tensor pixels_BCHW, ImageBatch batch, int first)
    {
        var count = (int)pixels_BCHW.shape[0];
        var device = pixels_BCHW.device;
        var labels_B = BatchUpload.Labels(batch, first, count, device);
        var targets_BK = BatchUpload.Targets(batch, _input, first, count, device);
        var perStep_TBK = _kind == "tet" ? Full(network.ForwardPerTimeStep(pixels_BCHW)) : null;
        var logits_BK = perStep_TBK?.mean([0]) ?? Full(network.call(pixels_BCHW));
        var loss = _kind switch
        {
            "tet" => TemporalEfficient.Sum(perStep_TBK!, flat => CrossEntropyOf(flat, labels_B.repeat(network.TimeSteps), targets_BK?.repeat(network.TimeSteps, 1)), _spec.TetMeans, _spec.TetLambda),
            "bce" => BinaryCrossEntropy.Sum(logits_BK, targets_BK!),
            _ => CrossEntropyOf(logits_BK, labels_B, targets_BK),
        };
        using var _ = no_grad();
        var hits = _input.MultiLabel ? zeros([], device: device) : logits_BK.argmax(1).eq(labels_B).sum();
        return (loss, hits);
    }

    private static Tensor Full(Tensor logits) => logits.dtype == ScalarType.Float64 ? logits : logits.to(ScalarType.Float32);

    // Soft targets come with smoothing already in them.
    private Tensor CrossEntropyOf(Tensor logits_BK, Tensor labels_B, Tensor? targets_BK) =>
        targets_BK is null ? CrossEntropy.Sum(logits_BK, labels_B, _spec.LabelSmoothing) : CrossEntropy.SumSoft(logits_BK, targets_BK);
}
