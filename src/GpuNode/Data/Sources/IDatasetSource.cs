using Volley.GpuNode.Data.Packed;

namespace Volley.GpuNode.Data.Sources;

/// <summary>A data set as it lies on disk (or at its home), before preparation.</summary>
internal interface IDatasetSource
{
    /// <summary>cifar10 | cifar100 | fashion-mnist | images | images-csv.</summary>
    string Name { get; }

    /// <summary>Changes whenever the images may have changed: paths, sizes and times of files. The cache of prepared sets is keyed by it.</summary>
    string Identity { get; }

    /// <summary>Reads everything and finishes the packed file.</summary>
    void Prepare(PackedBuilder builder, PrepareSettings settings, IProgress<PrepareProgress>? progress, CancellationToken stop);
}

/// <param name="ImageSize">Edge in pixels; 0: as the data is.</param>
/// <param name="Channels">1, 3, or 0: as the data is.</param>
internal sealed record PrepareSettings(int ImageSize, int Channels)
{
    /// <summary>Images need an even larger edge for no model here, and one of this size has 12 MB.</summary>
    public const int LargestImageSize = 2048;
}

/// <summary>How far a long step is.</summary>
/// <param name="Stage">"Downloading cifar-10-binary.tar.gz", "Reading images".</param>
/// <param name="Total">0: not known.</param>
/// <param name="Unit">"images" or "bytes".</param>
public readonly record struct PrepareProgress(string Stage, long Done, long Total, string Unit);
