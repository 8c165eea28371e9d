using Volley.GpuNode.Data;
using Volley.GpuNode.Profiling;
using Volley.Models;
using Volley.Models.Losses;
using Volley.Shared.Config;
using Volley.Shared.ModelCosts;
using Volley.Shared.Results;
using static TorchSharp.torch;

namespace Volley.GpuNode.Training;

/// <summary>What is evaluated: a network, what it was built from, and where it computes.</summary>
public sealed record EvaluationSubject(ImageClassifier Network, ModelSpec Spec, ComputePlace Place);

/// <param name="Activity">From <see cref="ActivityProbe.Rates"/>, over the first batch; empty for networks without neurons.</param>
public sealed record MeasuredEvaluation(Evaluation Evaluation, IReadOnlyDictionary<string, double> Activity);

/// <summary>One pass over a part of the data in evaluation mode, without gradients; exact, whatever the size of the last batch.</summary>
/// <remarks>
/// The loss is plain cross-entropy (several labels: binary cross-entropy), without smoothing and whatever training minimises, so that
/// trials can be compared. Sums stay on the device until the end. Encoders that draw random spikes are seeded per batch. Firing rates
/// are those of the first batch: means over millions of neurons, and a network that is watched runs slower.
/// </remarks>
public static class Evaluator
{
    // With five classes or fewer the five best always hold the right one.
    private const int TopK = 5;

    /// <param name="seed">The trial's.</param>
    /// <exception cref="OperationCanceledException">Stopped; the network's mode is restored.</exception>
    public static MeasuredEvaluation Run(EvaluationSubject subject, ITrainingData data, DataPart part, int batchSize, ulong seed, CancellationToken stop)
    {
        var wasTraining = subject.Network.training;
        subject.Network.eval();
        try
        {
            using var scope = NewDisposeScope();
            using var _ = no_grad();
            using var pass = new EvaluationPass(subject, data, part, batchSize, seed, stop);
            var evaluation = data.Input.MultiLabel ? SeveralLabels(pass, data.Input) : OneLabel(pass, data.Input);
            return new MeasuredEvaluation(WithFiringRates(evaluation, subject, data.Input, pass.Activity), pass.Activity);
        }
        finally
        {
            subject.Network.train(wasTraining);
        }
    }

    private static Evaluation OneLabel(EvaluationPass pass, ModelInput input)
    {
        var device = pass.Device;
        var sums = zeros(3, dtype: ScalarType.Float64, device: device);   // loss, top 1, top 5
        var hasTop5 = input.Classes > TopK;
        var images = 0;
        pass.ForEachBatch((batch, logits) =>
        {
            var labels = BatchUpload.Labels(batch, 0, batch.Count, device);
            var loss = CrossEntropy.Sum(logits, labels);
            var top1 = logits.argmax(1).eq(labels).sum();
            var top5 = hasTop5 ? logits.topk(TopK, 1).indexes.eq(labels.unsqueeze(1)).sum() : top1;
            sums.add_(stack([loss.to(ScalarType.Float64), top1.to(ScalarType.Float64), top5.to(ScalarType.Float64)]));
            images += batch.Count;
        });
        var read = sums.cpu().data<double>().ToArray();
        return new Evaluation
        {
            Images = images,
            Loss = read[0] / images,
            Accuracy = read[1] / images,
            Top5 = hasTop5 ? read[2] / images : null,
        };
    }

    private static Evaluation SeveralLabels(EvaluationPass pass, ModelInput input)
    {
        var loss = zeros(1, dtype: ScalarType.Float64, device: pass.Device);
        var (scores, targets) = (new List<float>(), new List<float>());
        var images = 0;
        pass.ForEachBatch((batch, logits) =>
        {
            var wanted = BatchUpload.Targets(batch, input, 0, batch.Count, pass.Device)
                ?? throw new InvalidOperationException("several labels per image, but a batch without targets");
            loss.add_(BinaryCrossEntropy.Sum(logits, wanted).to(ScalarType.Float64));
            scores.AddRange(logits.cpu().data<float>().ToArray());
            targets.AddRange(batch.Targets.AsSpan(0, batch.Count * input.Classes));
            images += batch.Count;
        });
        var (given, truth) = (scores.ToArray(), targets.ToArray());
        return new Evaluation
        {
            Images = images,
            Loss = loss.cpu().item<double>() / images,
            Map = MultiLabelScores.MeanAveragePrecision(given, truth, input.Classes),
            F1 = MultiLabelScores.MicroF1(given, truth),
        };
    }

    private static Evaluation WithFiringRates(Evaluation evaluation, EvaluationSubject subject, ModelInput input, IReadOnlyDictionary<string, double> activity)
    {
        if (activity.Count == 0) return evaluation;
        return evaluation with
        {
            FiringRate = EnergyAccounting.MeanFiringRate(ModelCounter.Count(subject.Spec, input), activity),
            FiringRateByLayer = subject.Network.NeuronLayers.ToDictionary(layer => layer.Name, layer => activity[layer.Name]),
        };
    }
}
