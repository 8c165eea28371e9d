using Volley.GpuNode.Data;
using Volley.Shared.Config;
using Volley.Shared.Determinism;
using Volley.Shared.Results;

namespace Volley.GpuNode.Tests.Training;

/// <summary>Images that follow from their number: no file, no augmentation, no prefetch.</summary>
internal sealed class ArrayData(ModelInput input, int train, int validation, int test, int globalBatchSize, int shards = 1) : ITrainingData
{
    public ModelInput Input => input;
    public IReadOnlyList<string> ClassNames { get; } = [.. Enumerable.Range(0, input.Classes).Select(k => $"class {k}")];
    public DataDescription Description => new("array", "numbers", "none", train, validation, test, "as given");
    public int TrainImages => train;
    public int ValidationImages => validation;
    public int TestImages => test;
    public int StepsPerEpoch => train / globalBatchSize;

    /// <summary>Parts in the order in which they were asked for.</summary>
    public List<DataPart> Evaluated { get; } = [];

    /// <summary>Changes a pixel on its way.</summary>
    public Func<int, int, float>? Poison { get; init; }

    /// <summary>Thrown instead of giving this (step, shard).</summary>
    public (int Step, int Shard)? Broken { get; init; }

    public IEnumerable<ImageBatch> TrainEpoch(int epoch, int firstStep, IReadOnlyList<int> wanted, CancellationToken stop)
    {
        for (var step = firstStep; step < StepsPerEpoch; step++)
        {
            foreach (var shard in wanted)
            {
                if (Broken == (step, shard)) throw new IOException("the disk is gone");
                var first = globalBatchSize * shard / shards;
                var count = globalBatchSize * (shard + 1) / shards - first;
                yield return Batch(epoch, step, shard, step * globalBatchSize + first, count, globalBatchSize);
            }
        }
    }

    public IEnumerable<ImageBatch> Evaluate(DataPart part, int batchSize, CancellationToken stop, int first = 0, int stride = 1)
    {
        Evaluated.Add(part);
        var images = part switch { DataPart.Train => train, DataPart.Validation => validation, _ => test };
        for (var image = first * batchSize; image < images; image += stride * batchSize)
            yield return Batch(0, image / batchSize, 0, 1_000_000 * (1 + (int)part) + image, Math.Min(batchSize, images - image), images);
    }

    public void Dispose() { }

    private ImageBatch Batch(int epoch, int step, int shard, int firstImage, int count, int globalCount)
    {
        var perImage = input.Channels * input.Height * input.Width;
        // Longer than needed, as pooled buffers are.
        var pixels = new float[(count + 1) * perImage];
        var labels = new long[count + 1];
        var targets = input.MultiLabel ? new float[(count + 1) * input.Classes] : null;
        for (var i = 0; i < count; i++)
        {
            var random = KeyedRandom.For(5, "image", firstImage + i);
            labels[i] = input.MultiLabel ? -1 : random.NextInt(input.Classes);
            for (var k = 0; k < perImage; k++) pixels[i * perImage + k] = (float)random.NextGaussian() + (input.MultiLabel ? 0 : labels[i] * 0.1f);
            if (Poison is not null) pixels[i * perImage] = Poison(epoch, step);
            for (var k = 0; targets is not null && k < input.Classes; k++) targets[i * input.Classes + k] = random.NextInt(3) == 0 ? 1 : 0;
        }
        return new ImageBatch { Epoch = epoch, StepInEpoch = step, Shard = shard, Count = count, GlobalCount = globalCount, Pixels = pixels, Labels = labels, Targets = targets };
    }
}
