using Volley.GpuNode.Data;
using Volley.Shared.Config;
using Volley.Shared.Determinism;
using Volley.Shared.Results;

namespace Volley.GpuNode.Training.Benchmarks;

/// <summary>Noise in the shape of CIFAR-10, the same batch at every step: what a step costs without what its data cost.</summary>
internal sealed class SyntheticData(int globalBatchSize, int shards) : ITrainingData
{
    private readonly Dictionary<int, ImageBatch> _parts = [];

    public ModelInput Input { get; } = new(3, 32, 32, 10);
    public IReadOnlyList<string> ClassNames { get; } = [.. Enumerable.Range(0, 10).Select(k => $"class {k}")];
    public DataDescription Description { get; } = new("noise", "numbers", "none", globalBatchSize, 0, 0, "one batch");
    public int TrainImages => globalBatchSize;
    public int ValidationImages => 0;
    public int TestImages => 0;
    public int StepsPerEpoch => int.MaxValue;

    public IEnumerable<ImageBatch> TrainEpoch(int epoch, int firstStep, IReadOnlyList<int> wanted, CancellationToken stop)
    {
        while (true)
            foreach (var shard in wanted) yield return Part(shard);
    }

    public IEnumerable<ImageBatch> Evaluate(DataPart part, int batchSize, CancellationToken stop, int first = 0, int stride = 1) => [];

    public void Dispose()
    {
    }

    private ImageBatch Part(int shard)
    {
        if (_parts.TryGetValue(shard, out var made)) return made;
        var (_, count) = EpochOrder.ShardPart(globalBatchSize, shard, shards);
        var random = KeyedRandom.For(1, "synthetic", shard);
        var pixels = new float[count * Input.Channels * Input.Height * Input.Width];
        for (var i = 0; i < pixels.Length; i++) pixels[i] = (float)random.NextGaussian();
        var labels = new long[count];
        for (var i = 0; i < count; i++) labels[i] = random.NextInt(Input.Classes);
        return _parts[shard] = new ImageBatch { Epoch = 0, StepInEpoch = 0, Shard = shard, Count = count, GlobalCount = globalBatchSize, Pixels = pixels, Labels = labels };
    }
}
