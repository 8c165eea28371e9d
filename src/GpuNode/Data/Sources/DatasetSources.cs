using Volley.Shared;
using Volley.Shared.Config;

namespace Volley.GpuNode.Data.Sources;

/// <summary>From a data set's name and path to its reader: the only switch over data set names.</summary>
internal static class DatasetSources
{
    public static IReadOnlyList<string> Names { get; } = ["cifar10", "cifar100", "fashion-mnist", "images", "images-csv"];

    private const string SystemFashionMnist = "/usr/share/datasets/fashion-mnist";

    /// <param name="path">Absolute, or empty for the places where the set is looked for.</param>
    /// <param name="csv">Absolute, or empty.</param>
    /// <param name="dataRoot">Holds downloads and prepared sets.</param>
    public static IDatasetSource Find(DatasetSpec dataset, string path, string csv, string dataRoot)
    {
        if (path.Length > 0 && !File.Exists(path) && !Directory.Exists(path))
            throw new UserErrorException($"dataset.path: {path} does not exist.");
        return dataset.Name switch
        {
            "cifar10" => Cifar(CifarRelease.Cifar10, path, dataRoot),
            "cifar100" => Cifar(CifarRelease.Cifar100, path, dataRoot),
            "fashion-mnist" => new FashionMnistSource(FashionMnistFolder(path, dataRoot)),
            "images" when path.Length == 0 => throw new ConfigException("train.dataset.path", "is missing; dataset images needs the folder or archive that holds them."),
            "images" => new ImageFolderSource(RequireImages(path)),
            "images-csv" when csv.Length == 0 => throw new ConfigException("train.dataset.csv", "is missing; dataset images-csv needs the table that names images and labels."),
            "images-csv" => new ImageTableSource(dataset, csv, path.Length == 0 ? Path.GetDirectoryName(csv)! : RequireImages(path)),
            _ => throw new ConfigException("train.dataset.name", $"is {dataset.Name}, must be one of {string.Join(", ", Names)}."),
        };
    }

    /// <summary>What a path holds, for people who give only the path.</summary>
    public static string GuessName(string path)
    {
        if (path.EndsWith(".csv", StringComparison.OrdinalIgnoreCase) || path.EndsWith(".tsv", StringComparison.OrdinalIgnoreCase)) return "images-csv";
        if (Directory.Exists(path))
        {
            if (CifarRelease.Cifar10.FindIn(path) is not null) return "cifar10";
            if (CifarRelease.Cifar100.FindIn(path) is not null) return "cifar100";
            return Directory.EnumerateFiles(path, "train-images*").Any() ? "fashion-mnist" : "images";
        }
        var name = Path.GetFileName(path);
        return name.StartsWith("cifar-100-binary", StringComparison.OrdinalIgnoreCase) ? "cifar100"
            : name.StartsWith("cifar-10-binary", StringComparison.OrdinalIgnoreCase) ? "cifar10"
            : "images";
    }

    private static IDatasetSource Cifar(CifarRelease release, string path, string dataRoot)
    {
        if (path.Length == 0)
        {
            // Certificates, proxies and redirects as the system has them.
            var client = new HttpMessageInvoker(new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromSeconds(20) });
            var download = new ReleaseDownload(release.Archive, release.ArchiveName, release.Md5, Path.Combine(dataRoot, "downloads"), new Downloader(client, TimeProvider.System));
            return new CifarBinarySource(release, download);
        }
        if (Directory.Exists(path))
            return release.FindIn(path) is { } found ? new CifarBinarySource(release, found) : new ImageFolderSource(path, release.Known);
        RequireImages(path);
        var holdsImages = ArchiveReader.FileNames(path).Take(PeekedNames).Any(ImageDecoder.IsImageName);
        return holdsImages ? new ImageFolderSource(path, release.Known) : new CifarBinarySource(release, path);
    }

    // The binary release has seven files, none of them an image; a copy as images begins with a readme at most.
    private const int PeekedNames = 8;

    private static string RequireImages(string path) =>
        Directory.Exists(path) || ArchiveReader.IsArchiveName(path)
            ? path
            : throw new UserErrorException($"{path}: is neither a folder, nor an archive (.tar, .tar.gz, .tar.xz, .zip), nor a packed data set.");

    private static string FashionMnistFolder(string path, string dataRoot)
    {
        if (path.Length > 0)
            return Directory.Exists(path) ? path : throw new UserErrorException($"{path}: is a file; Fashion-MNIST needs the folder that holds its four IDX files.");
        string[] places = [Path.Combine(dataRoot, "fashion-mnist"), SystemFashionMnist, Path.Combine(AppContext.BaseDirectory, "data", "fashion-mnist")];
        return places.FirstOrDefault(Directory.Exists)
            ?? throw new UserErrorException($"Fashion-MNIST was found in none of {string.Join(", ", places)}. Install it (Debian: apt-get install dataset-fashion-mnist), or set dataset.path to the folder with its four IDX files.");
    }
}
