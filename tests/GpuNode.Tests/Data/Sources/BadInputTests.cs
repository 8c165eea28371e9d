using System.Formats.Tar;
using System.IO.Compression;
using Volley.Shared;
using Volley.Shared.Config;

namespace Volley.GpuNode.Tests.Data.Sources;

/// <summary>What people's disks hold: each gives one message with the file's name, what was found and what was expected.</summary>
public sealed class BadInputTests : IDisposable
{
    private readonly DataFolder _folder = new();

    /// <summary>Name, how to make it, what the message must contain (file names besides).</summary>
    public static TheoryData<string> Names => new(Cases.Keys);

    private static readonly Dictionary<string, (Func<DataFolder, DatasetSpec> Make, string[] Expected)> Cases = new()
    {
        ["no such path"] = (_ => new DatasetSpec { Name = "images", Path = "nowhere" }, ["nowhere does not exist"]),
        ["no path"] = (_ => new DatasetSpec { Name = "images" }, ["train.dataset.path", "is missing"]),
        ["unknown name"] = (_ => new DatasetSpec { Name = "mnist" }, ["is mnist, must be one of cifar10"]),
        ["an empty folder"] = (folder => Images(folder, []), ["holds no JPEG or PNG image", "train/CLASS/FILE"]),
        ["a file that is no archive"] = (folder => { File.WriteAllText(folder.At("x.txt"), "x"); return new DatasetSpec { Name = "images", Path = "x.txt" }; }, ["x.txt", "neither a folder, nor an archive"]),
        ["one class"] = (folder => Images(folder, new() { ["train/cat/1.png"] = SourceKit.Png(4, 4, 1, 2, 3) }), ["one class (cat)", "at least 2"]),
        ["an empty image"] = (folder => Broken(folder, []), ["train/dog/1.png", "not a readable", "empty"]),
        ["text named png"] = (folder => Broken(folder, "hello, world"u8.ToArray()), ["train/dog/1.png", "not a readable", "68656c6c"]),
        ["a cut-off image"] = (folder => Broken(folder, NoisyPng()[..600]), ["train/dog/1.png", "is cut off", "32×32"]),
        ["different sizes"] = (folder => Broken(folder, SourceKit.Png(9, 8, 1, 2, 3)), ["Images of different sizes", "image_size"]),
        ["images beside the parts"] = (folder =>
        {
            var files = SourceKit.TwoClasses();
            files["other/1.png"] = SourceKit.Png(8, 8, 1, 2, 3);
            return Images(folder, files);
        }, ["lie beside train/"]),
        ["images in no class folder"] = (folder => Images(folder, new() { ["1.png"] = SourceKit.Png(8, 8, 1, 2, 3) }), ["1.png lies in no class folder"]),
        ["not CIFAR-10"] = (folder => Images(folder, SourceKit.TwoClasses()) with { Name = "cifar10" }, ["is not CIFAR-10", "cat, dog", "expected airplane"]),
        ["Python's CIFAR"] = (folder => { SourceKit.WriteFolder(folder.At("py"), new() { ["data_batch_1"] = [1] }); return new DatasetSpec { Name = "cifar10", Path = "py" }; }, ["pickle", "cifar-10-binary.tar.gz"]),
        ["a short CIFAR batch"] = (folder => { SourceKit.WriteFolder(folder.At("bin"), new() { ["data_batch_1.bin"] = new byte[3073] }); return new DatasetSpec { Name = "cifar10", Path = "bin" }; }, ["data_batch_1.bin", "3,073 bytes", "30,730,000"]),
        ["an archive that leads out"] = (folder => Tar(folder, [("../../etc/cron.d/x.png", SourceKit.Png(4, 4, 1, 2, 3))]), ["../../etc/cron.d/x.png", "refused"]),
        ["an archive with an absolute name"] = (folder => Tar(folder, [("/etc/x.png", SourceKit.Png(4, 4, 1, 2, 3))]), ["'/etc/x.png'", "refused"]),
        ["an archive with a link"] = (folder => Tar(folder, [], new PaxTarEntry(TarEntryType.SymbolicLink, "train/cat/1.png") { LinkName = "/etc/passwd" }), ["link to /etc/passwd", "refused"]),
        ["a zip that leads out"] = (folder => { SourceKit.WriteZip(folder.At("x.zip"), [("a/../../x.png", [1])]); return new DatasetSpec { Name = "images", Path = "x.zip" }; }, ["x.zip", "a/../../x.png", "refused"]),
        ["a cut-off tar.gz"] = (folder => CutArchive(folder, "x.tar.gz"), ["x.tar.gz", "cut off"]),
        ["a cut-off tar"] = (folder => CutArchive(folder, "x.tar"), ["x.tar", "cut off"]),
        ["a cut-off zip"] = (folder => CutArchive(folder, "x.zip"), ["x.zip", "cut off"]),
        ["text named tar.xz"] = (folder => { File.WriteAllText(folder.At("x.tar.xz"), new string('x', 5000)); return new DatasetSpec { Name = "images", Path = "x.tar.xz" }; }, ["x.tar.xz", "not such an archive"]),
        ["text named tar.gz"] = (folder => { File.WriteAllText(folder.At("x.tar.gz"), new string('x', 5000)); return new DatasetSpec { Name = "images", Path = "x.tar.gz" }; }, ["x.tar.gz", "not such an archive"]),
        ["the same image twice"] = (folder => Tar(folder, [("train/a/1.png", SourceKit.Png(4, 4, 1, 2, 3)), ("x/train/a/1.png", SourceKit.Png(4, 4, 1, 2, 3)), ("train/b/1.png", SourceKit.Png(4, 4, 1, 2, 3))]), ["a/1.png", "is there twice"]),
        ["an IDX file missing"] = (folder => Fashion(folder, "train-labels-idx1-ubyte.gz", _ => null), ["has no train-labels-idx1-ubyte.gz"]),
        ["an IDX file cut off"] = (folder => Fashion(folder, "train-labels-idx1-ubyte.gz", bytes => bytes[..1000]), ["train-labels-idx1-ubyte.gz", "cut off"]),
        ["an IDX file of another kind"] = (folder => Fashion(folder, "train-images-idx3-ubyte.gz", _ => File.ReadAllBytes(Path.Combine(DataFolder.FashionSubset, "train-labels-idx1-ubyte.gz"))), ["train-images", "begins with 00000801", "00000803"]),
        ["labels of another set"] = (folder => Fashion(folder, "train-labels-idx1-ubyte.gz", _ => File.ReadAllBytes(Path.Combine(DataFolder.FashionSubset, "t10k-labels-idx1-ubyte.gz"))), ["has 1,000 labels", "has 6,000 images"]),
        ["an IDX file that is no gzip"] = (folder => Fashion(folder, "t10k-images-idx3-ubyte.gz", _ => "hello"u8.ToArray()), ["t10k-images-idx3-ubyte.gz", "gzip"]),
        ["an IDX file that claims too much"] = (folder => Fashion(folder, "t10k-images-idx3-ubyte.gz", _ => Gzip([0, 0, 8, 3, 127, 255, 255, 255, 127, 255, 255, 255, 127, 255, 255, 255])), ["t10k-images-idx3-ubyte.gz", "claims 2,147,483,647 images"]),
        ["an IDX file with more than it claims"] = (folder => Fashion(folder, "t10k-labels-idx1-ubyte.gz", _ => Gzip([0, 0, 8, 1, 0, 0, 0, 1, 5, 5])), ["t10k-labels-idx1-ubyte.gz", "more data than 1 labels"]),
        ["a label that does not exist"] = (folder => Fashion(folder, "t10k-labels-idx1-ubyte.gz", _ => Gzip([0, 0, 8, 1, 0, 0, 3, 232, .. new byte[999], 10])), ["t10k-labels-idx1-ubyte.gz", "label 10 of image 999"]),
        ["bad settings, all at once"] = (_ => new DatasetSpec { Name = "fashion-mnist", Channels = 2, ImageSize = 3, ValFraction = 0.9, Split = "none", LimitTrain = -1 },
            ["train.dataset.channels: is 2", "train.dataset.image_size: is 3", "train.dataset.val_fraction: is 0.9", "train.dataset.split: is none", "train.dataset.limit_train: is -1"]),
    };

    [Theory]
    [MemberData(nameof(Names))]
    public void BadInput_IsExplained(string name)
    {
        var (make, expected) = Cases[name];
        var trial = DataFolder.Trial(make(_folder));

        var error = Assert.ThrowsAny<UserErrorException>(() => _folder.Open(trial).Dispose());

        Assert.All(expected, part => Assert.Contains(part, error.Message, StringComparison.Ordinal));
        AssertNothingIsLeft();
    }

    public void Dispose() => _folder.Dispose();

    private void AssertNothingIsLeft()
    {
        var prepared = _folder.At("data", "prepared");
        if (Directory.Exists(prepared)) Assert.All(Directory.EnumerateFiles(prepared), file => Assert.EndsWith(".lock", file, StringComparison.Ordinal));
    }

    private static DatasetSpec Images(DataFolder folder, Dictionary<string, byte[]> files)
    {
        Directory.CreateDirectory(folder.At("images"));
        SourceKit.WriteFolder(folder.At("images"), files);
        return new DatasetSpec { Name = "images", Path = "images" };
    }

    private static DatasetSpec Broken(DataFolder folder, byte[] image)
    {
        var files = SourceKit.TwoClasses();
        files["train/dog/1.png"] = image;
        return Images(folder, files);
    }

    private static DatasetSpec Tar(DataFolder folder, IEnumerable<(string, byte[])> files, params TarEntry[] others)
    {
        SourceKit.WriteTar(folder.At("x.tar"), files, others);
        return new DatasetSpec { Name = "images", Path = "x.tar" };
    }

    private static DatasetSpec CutArchive(DataFolder folder, string name)
    {
        var files = Enumerable.Range(0, 40).Select(i => ($"train/{(i % 2 == 0 ? "a" : "b")}/{i}.png", NoisyPng())).ToArray();
        var path = name.EndsWith(".zip", StringComparison.Ordinal) ? SourceKit.WriteZip(folder.At(name), files) : SourceKit.WriteTar(folder.At(name), files);
        var bytes = File.ReadAllBytes(path);
        File.WriteAllBytes(path, bytes[..(bytes.Length * 2 / 3)]);
        return new DatasetSpec { Name = "images", Path = name };
    }

    private static DatasetSpec Fashion(DataFolder folder, string changed, Func<byte[], byte[]?> change)
    {
        Directory.CreateDirectory(folder.At("fashion"));
        foreach (var file in Directory.EnumerateFiles(DataFolder.FashionSubset, "*.gz"))
        {
            var name = Path.GetFileName(file);
            var content = name == changed ? change(File.ReadAllBytes(file)) : File.ReadAllBytes(file);
            if (content is not null) File.WriteAllBytes(folder.At("fashion", name), content);
        }
        return new DatasetSpec { Name = "fashion-mnist", Path = "fashion" };
    }

    private static byte[] Gzip(byte[] content)
    {
        var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest)) gzip.Write(content);
        return packed.ToArray();
    }

    /// <summary>Does not compress, so that a part of it is a part of the image.</summary>
    private static byte[] NoisyPng()
    {
        using var bitmap = new SkiaSharp.SKBitmap(32, 32, SkiaSharp.SKColorType.Rgba8888, SkiaSharp.SKAlphaType.Opaque);
        var random = new Shared.Determinism.KeyedRandom(3);
        for (var i = 0; i < 32 * 32; i++) bitmap.SetPixel(i % 32, i / 32, new SkiaSharp.SKColor((byte)random.NextInt(256), (byte)random.NextInt(256), (byte)random.NextInt(256)));
        using var data = bitmap.Encode(SkiaSharp.SKEncodedImageFormat.Png, 100);
        return data.ToArray();
    }
}
