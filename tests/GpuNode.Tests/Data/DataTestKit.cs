using System.IO.Hashing;
using System.Runtime.InteropServices;
using Volley.GpuNode.Data;
using Volley.GpuNode.Data.Sources;
using Volley.GpuNode.Training;
using Volley.Shared.Config;
using Volley.TestKit;

namespace Volley.GpuNode.Tests.Data;

/// <summary>A folder of its own per test, gone afterwards; and specifications with few words.</summary>
internal sealed class DataFolder : IDisposable
{
    public string Root { get; } = Directory.CreateTempSubdirectory("volley-data-").FullName;

    public TrialDirectories Directories => new(Root, Path.Combine(Root, "data"), Root);

    public static string FashionSubset => Path.Combine(SharedFiles.RepositoryRoot, "examples", "data", "fashion-mnist");

    public string At(params string[] parts) => Path.Combine([Root, .. parts]);

    public static TrialSpec Trial(DatasetSpec dataset, AugmentSpec? augment = null, int batch = 128, bool dropLast = true, int shards = 1, ulong seed = 5, double smoothing = 0) => new()
    {
        Number = 0,
        Seed = seed,
        DataSeed = 9,
        Train = new TrainingSpec
        {
            Dataset = dataset,
            Model = new ResNetSpec { Name = "resnet18" },
            GlobalBatchSize = batch,
            DropLast = dropLast,
            Augment = augment ?? new(),
            LabelSmoothing = smoothing,
        },
        Resources = new ResourcesSpec { Ranks = shards },
    };

    public TrainingData Open(TrialSpec trial, int workers = 1) => TrainingData.Open(trial, Directories, workers, null, TestContext.Current.CancellationToken);

    public static DatasetSpec Fashion(Func<DatasetSpec, DatasetSpec>? change = null)
    {
        var spec = new DatasetSpec { Name = "fashion-mnist", Path = FashionSubset };
        return change is null ? spec : change(spec);
    }

    public static FashionMnistSource FashionSource() => new(FashionSubset);

    public void Dispose() => Directory.Delete(Root, recursive: true);
}

/// <summary>A copy of a batch that outlives it.</summary>
internal sealed record BatchCopy(int Step, int Shard, int GlobalCount, long[] Labels, float[] Pixels, float[]? Targets)
{
    public static BatchCopy Of(ImageBatch batch, ModelInput input) => new(
        batch.StepInEpoch, batch.Shard, batch.GlobalCount, batch.Labels[..batch.Count],
        batch.Pixels[..(batch.Count * input.Channels * input.Height * input.Width)], batch.Targets?[..(batch.Count * input.Classes)]);

    /// <summary>One number for everything in it.</summary>
    public ulong Hash
    {
        get
        {
            var hash = new XxHash3();
            hash.Append(MemoryMarshal.AsBytes<int>(new[] { Step, Shard, GlobalCount }));
            hash.Append(MemoryMarshal.AsBytes<long>(Labels));
            hash.Append(MemoryMarshal.AsBytes<float>(Pixels));
            if (Targets is not null) hash.Append(MemoryMarshal.AsBytes<float>(Targets));
            return hash.GetCurrentHashAsUInt64();
        }
    }
}
