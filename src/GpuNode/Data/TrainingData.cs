using Volley.GpuNode.Data.Augmentation;
using Volley.GpuNode.Data.Packed;
using Volley.GpuNode.Data.Sources;
using Volley.GpuNode.Training;
using Volley.Shared;
using Volley.Shared.Config;
using Volley.Shared.Results;

namespace Volley.GpuNode.Data;

/// <summary>Opens what a trial trains on: finds the data set, prepares it if that has not been done, splits it, makes its batches.</summary>
public sealed class TrainingData : ITrainingData
{
    // More workers than this have nothing left to do for 32×32 images (one makes over 100,000 a second).
    private const int MostWorkers = 8;

    private readonly PackedFile _packed;
    private readonly TrialSpec _spec;
    private readonly DataSplit _split;
    private readonly EpochOrder _order;
    private readonly Normalisation _normalisation;
    private readonly AugmentationPipeline _augmentations;
    private readonly BufferPool _buffers;
    private readonly int _workers;

    private TrainingData(PackedFile packed, TrialSpec spec, int workers)
    {
        var header = packed.Header;
        (_packed, _spec, _workers) = (packed, spec, workers);
        if (spec.Train.GlobalBatchSize < Math.Max(1, spec.Resources.Ranks))
            throw new ConfigException("train.global_batch_size", $"is {spec.Train.GlobalBatchSize}, must be at least resources.ranks ({spec.Resources.Ranks}): every shard needs an image.");
        _split = DataSplit.Make(packed, spec.Train.Dataset, spec.DataSeed);
        _order = new EpochOrder(_split.Train, spec.Train.GlobalBatchSize, spec.Train.DropLast, spec.Seed);
        _normalisation = new Normalisation(header.Mean, header.Std);
        _augmentations = new AugmentationPipeline(
            spec.Train.Augment, new ImageShape(header.Channels, header.Height, header.Width), header.Mean, spec.Train.LabelSmoothing, spec.Seed);
        _buffers = new BufferPool(header.ImageBytes);
        Input = new ModelInput(header.Channels, header.Height, header.Width, header.ClassNames.Count, header.MultiLabel);
        Description = new DataDescription(header.Name, header.Source, header.ContentSha256, _split.Train.Length, _split.Validation.Length, _split.Test.Length, _split.Text);
        if (StepsPerEpoch == 0)
            throw new ConfigException("train.global_batch_size",
                $"is {spec.Train.GlobalBatchSize}, but there are {_split.Train.Length} training images ({_split.Text}) and drop_last drops the incomplete batch. Make it smaller, or set drop_last: false.");
    }

    public ModelInput Input { get; }
    public IReadOnlyList<string> ClassNames => _packed.Header.ClassNames;
    public DataDescription Description { get; }
    public int TrainImages => _split.Train.Length;
    public int ValidationImages => _split.Validation.Length;
    public int TestImages => _split.Test.Length;
    public int StepsPerEpoch => _order.StepsPerEpoch;

    /// <exception cref="UserErrorException">The data is missing, damaged or not what the specification says.</exception>
    public static ITrainingData Open(TrialSpec spec, TrialDirectories directories, CancellationToken stop) => Open(spec, directories, null, stop);

    /// <param name="progress">Hears of downloads and preparation; null: nobody listens.</param>
    public static ITrainingData Open(TrialSpec spec, TrialDirectories directories, IProgress<PrepareProgress>? progress, CancellationToken stop)
    {
        var spareCores = Environment.ProcessorCount - Math.Max(1, spec.Resources.ThreadsPerRank);
        return Open(spec, directories, Math.Clamp(spareCores, 1, MostWorkers), progress, stop);
    }

    internal static TrainingData Open(TrialSpec spec, TrialDirectories directories, int workers, IProgress<PrepareProgress>? progress, CancellationToken stop)
    {
        var packed = PreparedDataset.Open(spec.Train.Dataset, directories.BaseDirectory, directories.DataRoot, progress, stop);
        try
        {
            return new TrainingData(packed, spec, workers);
        }
        catch
        {
            packed.Dispose();
            throw;
        }
    }

    public IEnumerable<ImageBatch> TrainEpoch(int epoch, int firstStep, IReadOnlyList<int> shards, CancellationToken stop)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(epoch);
        ArgumentOutOfRangeException.ThrowIfNegative(firstStep);
        var order = _order.Permutation(epoch);
        var total = _spec.Resources.Ranks;
        BatchPlan Plan(int batch)
        {
            int step = firstStep + batch / shards.Count, shard = shards[batch % shards.Count];
            var (first, count) = _order.Step(step);
            var (partFirst, partCount) = EpochOrder.ShardPart(count, shard, total);
            return new(epoch, step, shard, order.AsMemory(first, count), partFirst, partCount);
        }
        var batches = Math.Max(0, StepsPerEpoch - firstStep) * shards.Count;
        var largest = EpochOrder.ShardPart(Math.Min(_spec.Train.GlobalBatchSize, TrainImages), 0, total).Count;
        var hasTargets = Input.MultiLabel || _augmentations.Mixing.IsConfigured;
        return Run(Plan, batches, largest, () => new TrainingBatchMaker(_packed, _normalisation, _augmentations, largest), hasTargets, stop);
    }

    public IEnumerable<ImageBatch> Evaluate(DataPart part, int batchSize, CancellationToken stop, int first = 0, int stride = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(batchSize);
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfLessThan(stride, 1);
        var images = _split.Of(part);
        BatchPlan Plan(int index)
        {
            var batch = first + (index * stride);
            var step = images.AsMemory(batch * batchSize, Math.Min(batchSize, images.Length - batch * batchSize));
            return new(0, batch, 0, step, 0, step.Length);
        }
        var batches = (images.Length + batchSize - 1) / batchSize;
        return Run(Plan, Math.Max(0, (batches - first + stride - 1) / stride), Math.Min(batchSize, images.Length), () => new EvaluationBatchMaker(_packed, _normalisation), Input.MultiLabel, stop);
    }

    public void Dispose() => _packed.Dispose();

    private IEnumerable<ImageBatch> Run(Func<int, BatchPlan> plan, int batches, int largest, Func<IBatchMaker> maker, bool hasTargets, CancellationToken stop)
    {
        if (batches == 0) yield break;
        var workers = Math.Min(_workers, batches);
        var targetClasses = hasTargets ? Input.Classes : 0;
        var ring = _buffers.RentRing(workers, largest, targetClasses);
        try
        {
            using var prefetcher = new Prefetcher(plan, batches, [.. Enumerable.Range(0, workers).Select(_ => maker())], ring);
            foreach (var batch in prefetcher.Take(stop)) yield return batch;
        }
        finally
        {
            _buffers.Return(ring, largest, targetClasses);
        }
    }
}
