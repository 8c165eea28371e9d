using Volley.GpuNode.Data;
using Volley.Models;
using Volley.Models.Losses;
using Volley.Shared.Determinism;
using Volley.Shared.Results;
using static TorchSharp.torch;

namespace Volley.GpuNode.Training;

/// <summary>One pass over a part of the data in evaluation mode, without gradients; exact, whatever the size of the last batch.</summary>
/// <remarks>
/// The loss is plain cross-entropy (several labels: binary cross-entropy), without smoothing and whatever training minimises, so that
/// trials can be compared. Sums stay on the device until the end. Encoders that draw random spikes are seeded per batch.
/// </remarks>
public static class Evaluator
{
    // With five classes or fewer the five best always hold the right one.
    private const int TopK = 5;

    /// <param name="seed">The trial's.</param>
    /// <exception cref="OperationCanceledException">Stopped; the network's mode is restored.</exception>
    public static Evaluation Run(ImageClassifier network, ComputePlace place, ITrainingData data, DataPart part, int batchSize, ulong seed, CancellationToken stop)
    {
        var wasTraining = network.training;
        network.eval();
        try
        {
            using var scope = NewDisposeScope();
            using var _ = no_grad();
            return data.Input.MultiLabel ? SeveralLabels(network, place, data, part, batchSize, seed, stop) : OneLabel(network, place, data, part, batchSize, seed, stop);
        }
        finally
        {
            network.train(wasTraining);
        }
    }

    private static Evaluation OneLabel(ImageClassifier network, ComputePlace place, ITrainingData data, DataPart part, int batchSize, ulong seed, CancellationToken stop)
    {
        var sums = zeros(3, dtype: ScalarType.Float64, device: place.Device);   // loss, top 1, top 5
        var hasTop5 = data.Input.Classes > TopK;
        var images = 0;
        foreach (var batch in Batches(data, part, batchSize, seed, stop))
        {
            using var scope = NewDisposeScope();
            var logits = Logits(network, place, data, batch);
            var labels = BatchUpload.Labels(batch, 0, batch.Count, place.Device);
            var loss = CrossEntropy.Sum(logits, labels);
            var top1 = logits.argmax(1).eq(labels).sum();
            var top5 = hasTop5 ? logits.topk(TopK, 1).indexes.eq(labels.unsqueeze(1)).sum() : top1;
            sums.add_(stack([loss.to(ScalarType.Float64), top1.to(ScalarType.Float64), top5.to(ScalarType.Float64)]));
            images += batch.Count;
        }
        var read = sums.cpu().data<double>().ToArray();
        return new Evaluation
        {
            Images = images,
            Loss = read[0] / images,
            Accuracy = read[1] / images,
            Top5 = hasTop5 ? read[2] / images : null,
        };
    }

    private static Evaluation SeveralLabels(ImageClassifier network, ComputePlace place, ITrainingData data, DataPart part, int batchSize, ulong seed, CancellationToken stop)
    {
        var loss = zeros(1, dtype: ScalarType.Float64, device: place.Device);
        var (scores, targets) = (new List<float>(), new List<float>());
        var images = 0;
        foreach (var batch in Batches(data, part, batchSize, seed, stop))
        {
            using var scope = NewDisposeScope();
            var logits = Logits(network, place, data, batch);
            var wanted = BatchUpload.Targets(batch, data.Input, 0, batch.Count, place.Device)
                ?? throw new InvalidOperationException("several labels per image, but a batch without targets");
            loss.add_(BinaryCrossEntropy.Sum(logits, wanted).to(ScalarType.Float64));
            scores.AddRange(logits.cpu().data<float>().ToArray());
            targets.AddRange(batch.Targets.AsSpan(0, batch.Count * data.Input.Classes));
            images += batch.Count;
        }
        var (given, truth) = (scores.ToArray(), targets.ToArray());
        return new Evaluation
        {
            Images = images,
            Loss = loss.cpu().item<double>() / images,
            Map = MultiLabelScores.MeanAveragePrecision(given, truth, data.Input.Classes),
            F1 = MultiLabelScores.MicroF1(given, truth),
        };
    }

    private static IEnumerable<ImageBatch> Batches(ITrainingData data, DataPart part, int batchSize, ulong seed, CancellationToken stop)
    {
        foreach (var batch in data.Evaluate(part, batchSize, stop))
        {
            manual_seed((long)Seeds.Derive(seed, "evaluate", (long)part, batch.StepInEpoch));
            yield return batch;
            stop.ThrowIfCancellationRequested();
        }
    }

    /// <returns>[B, K], f32.</returns>
    private static Tensor Logits(ImageClassifier network, ComputePlace place, ITrainingData data, ImageBatch batch)
    {
        var pixels = BatchUpload.Pixels(batch, data.Input, 0, batch.Count, place);
        return network.call(pixels).to(ScalarType.Float32);
    }
}
