using Volley.Shared.Config;
using Volley.Shared.Results;

namespace Volley.GpuNode.Data;

/// <summary>A prepared data set, split, with batches made ahead on other threads. Knows no tensor and no optimizer.</summary>
public interface ITrainingData : IDisposable
{
    ModelInput Input { get; }
    IReadOnlyList<string> ClassNames { get; }

    /// <summary>What the data is, for results and reports: name, source, digest, number of images, split.</summary>
    DataDescription Description { get; }

    int TrainImages { get; }
    int ValidationImages { get; }
    int TestImages { get; }

    /// <summary>Steps of one epoch under the trial's global batch size and drop_last.</summary>
    int StepsPerEpoch { get; }

    /// <summary>
    /// The batches of an epoch from <paramref name="firstStep"/> (in the epoch) on: for each step, for each of <paramref name="shards"/>
    /// in that order, one part. Every number follows from (seed, epoch, sample), so any start gives the same batches.
    /// A batch's buffers are reused: it is valid until the next one is taken.
    /// </summary>
    IEnumerable<ImageBatch> TrainEpoch(int epoch, int firstStep, IReadOnlyList<int> shards, CancellationToken stop);

    /// <summary>
    /// The part in order, without augmentation; the last batch may be smaller. Of all its batches those with the numbers
    /// <paramref name="first"/>, <paramref name="first"/> + <paramref name="stride"/>, …: a rank's share.
    /// </summary>
    IEnumerable<ImageBatch> Evaluate(DataPart part, int batchSize, CancellationToken stop, int first = 0, int stride = 1);
}

public enum DataPart { Train, Validation, Test }

/// <summary>Images and targets of one shard's part of one step (or of one evaluation batch).</summary>
public sealed class ImageBatch
{
    public required int Epoch { get; init; }
    public required int StepInEpoch { get; init; }
    public required int Shard { get; init; }

    /// <summary>Images in this batch.</summary>
    public required int Count { get; init; }

    /// <summary>Images in the whole step, over all shards: the loss is a sum divided by this.</summary>
    public required int GlobalCount { get; init; }

    /// <summary>Normalised, [Count, C, H, W] row-major; only that much of it is valid.</summary>
    public required float[] Pixels { get; init; }

    /// <summary>Class index per image; for mixed images of the image itself; −1 where there are several labels.</summary>
    public required long[] Labels { get; init; }

    /// <summary>[Count, K] targets where labels are soft or several (mixup, cutmix, smoothing with them, multi-label), else null.</summary>
    public float[]? Targets { get; init; }

    /// <summary>The same in memory of its own, for those who need several batches at once.</summary>
    public ImageBatch Copy() => new()
    {
        Epoch = Epoch, StepInEpoch = StepInEpoch, Shard = Shard, Count = Count, GlobalCount = GlobalCount,
        Pixels = [.. Pixels], Labels = [.. Labels], Targets = Targets is null ? null : [.. Targets],
    };
}
