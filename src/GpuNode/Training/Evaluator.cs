using Volley.GpuNode.Data;
using Volley.GpuNode.Profiling;
using Volley.GpuNode.Training.Groups;
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
    public static MeasuredEvaluation Run(EvaluationSubject subject, ITrainingData data, DataPart part, int batchSize, ulong seed, CancellationToken stop) =>
        Run(subject, data, part, batchSize, seed, null, stop);

    /// <param name="share">With other ranks: each evaluates some of the batches, and all get the same numbers, bit for bit those of one rank.</param>
    /// <exception cref="Collectives.PeerLostException">The group is over; the network's mode is restored.</exception>
    internal static MeasuredEvaluation Run(EvaluationSubject subject, ITrainingData data, DataPart part, int batchSize, ulong seed, EvaluationShare? share, CancellationToken stop)
    {
        var wasTraining = subject.Network.training;
        subject.Network.eval();
        try
        {
            using var scope = NewDisposeScope();
            using var _ = no_grad();
            using var pass = new EvaluationPass(subject, data, part, batchSize, seed, share, share is null ? stop : CancellationToken.None);
            var evaluation = (data.Input.MultiLabel, share) switch
            {
                (false, null) => OneLabel(pass, data.Input),
                (false, _) => OneLabelWithOthers(pass, data.Input),
                (true, null) => SeveralLabels(pass, data.Input),
                (true, _) => SeveralLabelsWithOthers(pass, data.Input),
            };
            return new MeasuredEvaluation(WithFiringRates(evaluation, subject, data.Input, pass.Activity), pass.Activity);
        }
        finally
        {
            subject.Network.train(wasTraining);
        }
    }

    private static Evaluation OneLabel(EvaluationPass pass, ModelInput input)
    {
        var sums = zeros(3, dtype: ScalarType.Float64, device: pass.Device);
        var images = 0;
        pass.ForEachBatch((batch, logits) =>
        {
            sums.add_(OneLabelSums(batch, logits, input));
            images += batch.Count;
        });
        return OneLabel(sums.cpu().data<double>().ToArray(), images, input);
    }

    private static Evaluation OneLabelWithOthers(EvaluationPass pass, ModelInput input)
    {
        var sums = new double[4];   // loss, top 1, top 5, images
        pass.ForEachBatchOfAll(
            sums.Length,
            (batch, logits, numbers) =>
            {
                OneLabelSums(batch, logits, input).cpu().data<double>().ToArray().CopyTo(numbers, 0);
                numbers[3] = batch.Count;
            },
            numbers =>
            {
                for (var i = 0; i < sums.Length; i++) sums[i] += numbers[i];
            });
        return OneLabel(sums, (int)sums[3], input);
    }

    /// <returns>[3], f64: loss, top 1, top 5.</returns>
    private static Tensor OneLabelSums(ImageBatch batch, Tensor logits, ModelInput input)
    {
        var labels = BatchUpload.Labels(batch, 0, batch.Count, logits.device);
        var loss = CrossEntropy.Sum(logits, labels);
        var top1 = logits.argmax(1).eq(labels).sum();
        var top5 = input.Classes > TopK ? logits.topk(TopK, 1).indexes.eq(labels.unsqueeze(1)).sum() : top1;
        return stack([loss.to(ScalarType.Float64), top1.to(ScalarType.Float64), top5.to(ScalarType.Float64)]);
    }

    private static Evaluation OneLabel(double[] sums, int images, ModelInput input) => new()
    {
        Images = images,
        Loss = sums[0] / images,
        Accuracy = sums[1] / images,
        Top5 = input.Classes > TopK ? sums[2] / images : null,
    };

    private static Evaluation SeveralLabels(EvaluationPass pass, ModelInput input)
    {
        var loss = zeros(1, dtype: ScalarType.Float64, device: pass.Device);
        var (scores, targets) = (new List<float>(), new List<float>());
        var images = 0;
        pass.ForEachBatch((batch, logits) =>
        {
            loss.add_(SeveralLabelsLoss(batch, logits, input));
            scores.AddRange(logits.cpu().data<float>().ToArray());
            targets.AddRange(batch.Targets.AsSpan(0, batch.Count * input.Classes));
            images += batch.Count;
        });
        return SeveralLabels(loss.cpu().item<double>(), images, [.. scores], [.. targets], input);
    }

    // Average precision looks at all images together, so their scores travel.
    private static Evaluation SeveralLabelsWithOthers(EvaluationPass pass, ModelInput input)
    {
        const int Header = 2;   // loss, images
        var (loss, images) = (0.0, 0);
        var (scores, targets) = (new List<float>(), new List<float>());
        pass.ForEachBatchOfAll(
            Header + (2 * pass.BatchSize * input.Classes),
            (batch, logits, numbers) =>
            {
                numbers[0] = SeveralLabelsLoss(batch, logits, input).cpu().item<double>();
                numbers[1] = batch.Count;
                var given = logits.cpu().data<float>().ToArray();
                for (var i = 0; i < given.Length; i++) (numbers[Header + i], numbers[Header + given.Length + i]) = (given[i], batch.Targets![i]);
            },
            numbers =>
            {
                var count = (int)numbers[1] * input.Classes;
                loss += numbers[0];
                images += (int)numbers[1];
                scores.AddRange(numbers.Skip(Header).Take(count).Select(score => (float)score));
                targets.AddRange(numbers.Skip(Header + count).Take(count).Select(target => (float)target));
            });
        return SeveralLabels(loss, images, [.. scores], [.. targets], input);
    }

    /// <returns>[1], f64.</returns>
    private static Tensor SeveralLabelsLoss(ImageBatch batch, Tensor logits, ModelInput input)
    {
        var wanted = BatchUpload.Targets(batch, input, 0, batch.Count, logits.device)
            ?? throw new InvalidOperationException("several labels per image, but a batch without targets");
        return BinaryCrossEntropy.Sum(logits, wanted).to(ScalarType.Float64).view(1);
    }

    private static Evaluation SeveralLabels(double loss, int images, float[] scores, float[] targets, ModelInput input) => new()
    {
        Images = images,
        Loss = loss / images,
        Map = MultiLabelScores.MeanAveragePrecision(scores, targets, input.Classes),
        F1 = MultiLabelScores.MicroF1(scores, targets),
    };

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
