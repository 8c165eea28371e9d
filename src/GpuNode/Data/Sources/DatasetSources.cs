using Volley.Shared;
using Volley.Shared.Config;

namespace Volley.GpuNode.Data.Sources;

/// <summary>From a data set's name and path to its reader: the only switch over data set names.</summary>
internal static class DatasetSources
{
    public const string Names = "cifar10, cifar100, fashion-mnist, images, images-csv";

    private const string SystemFashionMnist = "/usr/share/datasets/fashion-mnist";

    /// <param name="path">Absolute, or empty for the places where the set is looked for.</param>
    /// <param name="dataRoot">Cache of downloads and prepared sets.</param>
    public static IDatasetSource Find(DatasetSpec dataset, string path, string dataRoot)
    {
        if (path.Length > 0 && !File.Exists(path) && !Directory.Exists(path))
            throw new UserErrorException($"dataset.path: {path} does not exist.");
        return dataset.Name switch
        {
            "fashion-mnist" => new FashionMnistSource(FashionMnistFolder(path, dataRoot)),
            "cifar10" => new ImageFolderSource(path, KnownImages.Cifar10),
            "images" when path.Length == 0 => throw new ConfigException("train.dataset.path", "is missing; dataset images needs the folder or archive that holds them."),
            "images" => new ImageFolderSource(RequireImages(path)),
            _ => throw new ConfigException("train.dataset.name", $"is {dataset.Name}, must be one of {Names}."),
        };
    }

    private static string RequireImages(string path) =>
        Directory.Exists(path) || ArchiveReader.IsArchiveName(path)
            ? path
            : throw new UserErrorException($"{path}: is neither a folder nor an archive (.tar, .tar.gz, .tar.xz, .zip).");

    private static string FashionMnistFolder(string path, string dataRoot)
    {
        if (path.Length > 0)
            return Directory.Exists(path) ? path : throw new UserErrorException($"{path}: is a file; Fashion-MNIST needs the folder that holds its four IDX files.");
        string[] places = [Path.Combine(dataRoot, "fashion-mnist"), SystemFashionMnist, Path.Combine(AppContext.BaseDirectory, "data", "fashion-mnist")];
        return places.FirstOrDefault(Directory.Exists)
            ?? throw new UserErrorException($"Fashion-MNIST was found in none of {string.Join(", ", places)}. Install it (Debian: apt-get install dataset-fashion-mnist), or set dataset.path to the folder with its four IDX files.");
    }
}
