using Volley.Shared;

namespace Volley.GpuNode.Data.Sources;

/// <summary>A binary release of CIFAR (Krizhevsky 2009): its files, their records, and where its archive comes from.</summary>
/// <param name="Folder">Inside the archive.</param>
/// <param name="LabelBytes">Before the pixels of a record; the last one is the class.</param>
/// <param name="Md5">Of the archive, as its home page states it.</param>
internal sealed record CifarRelease(KnownImages Known, string Folder, IReadOnlyList<CifarFile> Files, int LabelBytes, Uri Archive, string Md5)
{
    public const int Edge = 32;
    public const int PixelBytes = 3 * Edge * Edge;

    public static CifarRelease Cifar10 { get; } = new(
        KnownImages.Cifar10, "cifar-10-batches-bin",
        [.. Enumerable.Range(1, 5).Select(number => new CifarFile($"data_batch_{number}.bin", "train", 10_000)), new("test_batch.bin", "test", 10_000)],
        LabelBytes: 1, new Uri("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"), "c32a1d4ab5d03f1284b67883e8d87530");

    /// <summary>Each record has a coarse label, then the fine one that is used.</summary>
    public static CifarRelease Cifar100 { get; } = new(
        KnownImages.Cifar100, "cifar-100-binary",
        [new("train.bin", "train", 50_000), new("test.bin", "test", 10_000)],
        LabelBytes: 2, new Uri("https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz"), "03b5dce01913d631647c71ecec9e9cb8");

    public int RecordBytes => LabelBytes + PixelBytes;

    public string ArchiveName => Path.GetFileName(Archive.LocalPath);

    /// <summary>Finds the release in a folder that a person named: its files, its own folder, or its archive.</summary>
    /// <returns>The folder with the files or the archive; null: it is not there.</returns>
    public string? FindIn(string folder)
    {
        foreach (var candidate in new[] { folder, Path.Combine(folder, Folder) })
            if (Files.Any(file => File.Exists(Path.Combine(candidate, file.Name)))) return candidate;
        var archive = Path.Combine(folder, ArchiveName);
        if (File.Exists(archive)) return archive;
        if (File.Exists(Path.Combine(folder, "data_batch_1")) || File.Exists(Path.Combine(folder, "train")))
            throw new UserErrorException($"{folder}: looks like the Python (pickle) version of {Known.Title}; the binary version is read: {ArchiveName}, from {Archive}.");
        return null;
    }
}

internal sealed record CifarFile(string Name, string Part, int Records);
