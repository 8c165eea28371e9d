using System.Formats.Tar;
using System.IO.Compression;
using SkiaSharp;
using Volley.GpuNode.Data;
using Volley.GpuNode.Data.Packed;
using Volley.GpuNode.Data.Sources;
using Volley.Shared.Config;

namespace Volley.GpuNode.Tests.Data.Sources;

/// <summary>Small data sets on disk, and their preparation.</summary>
internal static class SourceKit
{
    public static byte[] Png(int width, int height, byte red, byte green, byte blue) => Encode(width, height, new SKColor(red, green, blue), SKEncodedImageFormat.Png);

    public static byte[] Jpeg(int width, int height, byte grey) => Encode(width, height, new SKColor(grey, grey, grey), SKEncodedImageFormat.Jpeg);

    /// <summary>Two classes, train and test, colours tell them apart.</summary>
    public static Dictionary<string, byte[]> TwoClasses() => new()
    {
        ["train/cat/1.png"] = Png(8, 8, 10, 0, 0),
        ["train/cat/2.png"] = Png(8, 8, 11, 0, 0),
        ["train/dog/1.png"] = Png(8, 8, 20, 0, 1),
        ["test/cat/9.png"] = Png(8, 8, 12, 0, 0),
        ["test/dog/9.png"] = Png(8, 8, 21, 0, 0),
        ["train/README.txt"] = "not an image"u8.ToArray(),
    };

    public static string WriteFolder(string root, Dictionary<string, byte[]> files)
    {
        foreach (var (name, content) in files)
        {
            var path = Path.Combine(root, name);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(path, content);
        }
        return root;
    }

    public static string WriteTar(string path, IEnumerable<(string Name, byte[] Content)> files, params TarEntry[] others)
    {
        using Stream file = File.Create(path), packed = path.EndsWith("gz", StringComparison.Ordinal) ? new GZipStream(file, CompressionLevel.Fastest) : file;
        using var tar = new TarWriter(packed, TarEntryFormat.Pax);
        foreach (var (name, content) in files) tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(content) });
        foreach (var entry in others) tar.WriteEntry(entry);
        return path;
    }

    public static string WriteZip(string path, IEnumerable<(string Name, byte[] Content)> files)
    {
        using var zip = ZipFile.Open(path, ZipArchiveMode.Create);
        foreach (var (name, content) in files)
        {
            using var stream = zip.CreateEntry(name).Open();
            stream.Write(content);
        }
        return path;
    }

    public static PackedFile Prepare(DataFolder folder, DatasetSpec dataset) =>
        PreparedDataset.Open(dataset, folder.Root, folder.Directories.DataRoot, null, TestContext.Current.CancellationToken);

    public static PackedFile Prepare(DataFolder folder, IDatasetSource source, PrepareSettings? settings = null)
    {
        var path = folder.At($"{Guid.NewGuid():N}.volley");
        using (var builder = new PackedBuilder(path)) source.Prepare(builder, settings ?? new(0, 0), null, TestContext.Current.CancellationToken);
        return PackedFile.Open(path);
    }

    private static byte[] Encode(int width, int height, SKColor color, SKEncodedImageFormat format)
    {
        using var bitmap = new SKBitmap(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque);
        bitmap.Erase(color);
        using var data = bitmap.Encode(format, 90);
        return data.ToArray();
    }
}
