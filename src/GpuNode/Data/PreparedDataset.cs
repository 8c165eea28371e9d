using Volley.GpuNode.Data.Packed;
using Volley.GpuNode.Data.Sources;
using Volley.Shared.Config;

namespace Volley.GpuNode.Data;

/// <summary>From a data set specification to an open packed file, by way of the cache.</summary>
internal static class PreparedDataset
{
    public static PackedFile Open(DatasetSpec dataset, string baseDirectory, string dataRoot, IProgress<PrepareProgress>? progress, CancellationToken stop)
    {
        CheckSettings(dataset);
        var path = Absolute(dataset.Path, baseDirectory);
        return DiskErrors.Explain(() => File.Exists(path) && PackedFile.LooksLikeOne(path)
            ? OpenPacked(path, dataset)
            : PackedFile.Open(Prepare(dataset, baseDirectory, dataRoot, null, progress, stop)));
    }

    /// <param name="target">Where to write; null: into the cache, unless it is there.</param>
    /// <returns>Path of the packed file.</returns>
    public static string Prepare(
        DatasetSpec dataset, string baseDirectory, string dataRoot, string? target, IProgress<PrepareProgress>? progress, CancellationToken stop)
    {
        CheckSettings(dataset);
        return DiskErrors.Explain(() =>
        {
            var source = DatasetSources.Find(dataset, Absolute(dataset.Path, baseDirectory), Absolute(dataset.Csv, baseDirectory), dataRoot);
            var settings = new PrepareSettings(dataset.ImageSize, dataset.Channels);
            if (target is null) return PreparedCache.Get(dataRoot, source, settings, progress, stop);
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            using var builder = new PackedBuilder(target);
            source.Prepare(builder, settings, progress, stop);
            return target;
        });
    }

    private static string Absolute(string path, string baseDirectory) => path.Length == 0 ? "" : Path.GetFullPath(path, baseDirectory);

    private static void CheckSettings(DatasetSpec dataset)
    {
        var problems = new List<ConfigProblem>();
        void Require(bool holds, string key, string message)
        {
            if (!holds) problems.Add(new ConfigProblem("", $"train.dataset.{key}", message));
        }
        Require(dataset.Channels is 0 or 1 or 3, "channels", $"is {dataset.Channels}, must be 1, 3 or 0 (as the data is).");
        Require(dataset.ImageSize is 0 or (>= 8 and <= PrepareSettings.LargestImageSize), "image_size", $"is {dataset.ImageSize}, must be 8 to {PrepareSettings.LargestImageSize} pixels, or 0 (as the data is).");
        Require(dataset.ValFraction is >= 0 and <= 0.5, "val_fraction", $"is {dataset.ValFraction}, must be in [0, 0.5].");
        Require(dataset.TestFraction is >= 0 and <= 0.5, "test_fraction", $"is {dataset.TestFraction}, must be in [0, 0.5].");
        Require(dataset.Split is "holdout" or "reference", "split", $"is {dataset.Split}, must be holdout or reference.");
        Require(dataset.LimitTrain >= 0, "limit_train", $"is {dataset.LimitTrain}, must be 0 (all) or more.");
        Require(dataset.LimitTest >= 0, "limit_test", $"is {dataset.LimitTest}, must be 0 (all) or more.");
        if (problems.Count > 0) throw new ConfigException(problems);
    }

    private static PackedFile OpenPacked(string path, DatasetSpec dataset)
    {
        var packed = PackedFile.Open(path);
        var header = packed.Header;
        var problem =
            header.Name != dataset.Name ? $"train.dataset.name: is {dataset.Name}, but {path} holds {header.Name}."
            : dataset.ImageSize > 0 && (header.Height != dataset.ImageSize || header.Width != dataset.ImageSize)
                ? $"train.dataset.image_size: is {dataset.ImageSize}, but {path} was prepared with {header.Width}×{header.Height} pixels. Prepare it again with --image-size {dataset.ImageSize}."
            : dataset.Channels > 0 && header.Channels != dataset.Channels
                ? $"train.dataset.channels: is {dataset.Channels}, but {path} was prepared with {header.Channels}. Prepare it again with --channels {dataset.Channels}."
            : null;
        if (problem is null) return packed;
        packed.Dispose();
        throw new Shared.UserErrorException(problem);
    }
}
