using Volley.GpuNode.Data.Sources;
using Volley.Shared;

namespace Volley.GpuNode.Tests.Data.Sources;

/// <summary>The binary release with 20 records a file instead of 10,000.</summary>
public sealed class CifarBinaryTests : IDisposable
{
    private const int Records = 20;

    private static readonly CifarRelease Small10 = Shrink(CifarRelease.Cifar10);
    private static readonly CifarRelease Small100 = Shrink(CifarRelease.Cifar100);

    private readonly DataFolder _folder = new();

    [Fact]
    public void TheFullReleases_AreDescribedAsTheirHomeDoes()
    {
        Assert.Equal(30_730_000, CifarRelease.Cifar10.Files[0].Records * CifarRelease.Cifar10.RecordBytes);
        Assert.Equal(153_700_000, CifarRelease.Cifar100.Files[0].Records * CifarRelease.Cifar100.RecordBytes);
        Assert.Equal((10, 100), (CifarRelease.Cifar10.Known.ClassNames.Count, CifarRelease.Cifar100.Known.ClassNames.Count));
        Assert.Equal(CifarRelease.Cifar100.Known.ClassNames.Order(StringComparer.Ordinal), CifarRelease.Cifar100.Known.ClassNames);
    }

    [Fact]
    public void Cifar10_FromItsFolder()
    {
        SourceKit.WriteFolder(_folder.Root, Files(Small10));

        using var packed = SourceKit.Prepare(_folder, new CifarBinarySource(Small10, Small10.FindIn(_folder.Root)!));

        Assert.Equal((100, 20), (packed.Header.TrainImages, packed.Header.TestImages));
        Assert.Equal(7 % 10, packed.Label(7));
        Assert.Equal(Pixel(0, 7, 0), packed.Pixels(7)[0]);
        Assert.Equal(Pixel(4, 19, 3071), packed.Pixels(99)[3071]);
        Assert.Equal("CIFAR-10, subset of 100 + 20 images", packed.Header.Source);
    }

    [Fact]
    public void Cifar100_UsesTheFineLabel_FromItsArchive()
    {
        var archive = SourceKit.WriteTar(_folder.At("cifar-100-binary.tar.gz"), Files(Small100).Select(file => (file.Key, file.Value)));

        using var packed = SourceKit.Prepare(_folder, new CifarBinarySource(Small100, archive));

        Assert.Equal((20, 20), (packed.Header.TrainImages, packed.Header.TestImages));
        Assert.Equal(13, packed.Label(13));
        Assert.Equal(Pixel(0, 13, 5), packed.Pixels(13)[5]);
    }

    [Fact]
    public void ALabelThatDoesNotExist_IsNamedWithItsRecord()
    {
        var files = Files(Small10);
        files["cifar-10-batches-bin/data_batch_2.bin"][3 * Small10.RecordBytes] = 11;
        SourceKit.WriteFolder(_folder.Root, files);

        var error = Assert.Throws<UserErrorException>(() => SourceKit.Prepare(_folder, new CifarBinarySource(Small10, Small10.FindIn(_folder.Root)!)));

        Assert.Contains("data_batch_2.bin: record 3 has label 11", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AMissingFile_IsNamed()
    {
        var files = Files(Small10);
        files.Remove("cifar-10-batches-bin/data_batch_4.bin");
        SourceKit.WriteFolder(_folder.Root, files);

        var error = Assert.Throws<UserErrorException>(() => SourceKit.Prepare(_folder, new CifarBinarySource(Small10, Small10.FindIn(_folder.Root)!)));

        Assert.Contains("lacks data_batch_4.bin", error.Message, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();

    private static CifarRelease Shrink(CifarRelease release) => release with { Files = [.. release.Files.Select(file => file with { Records = Records })] };

    private static byte Pixel(int file, int record, int at) => (byte)(file * 50 + record * 3 + at);

    private static Dictionary<string, byte[]> Files(CifarRelease release) =>
        release.Files.Select((file, number) => (file, number)).ToDictionary(pair => $"{release.Folder}/{pair.file.Name}", pair =>
        {
            var content = new byte[Records * release.RecordBytes];
            for (var record = 0; record < Records; record++)
            {
                var at = record * release.RecordBytes;
                content[at] = 3;
                content[at + release.LabelBytes - 1] = (byte)(record % release.Known.ClassNames.Count);
                for (var i = 0; i < CifarRelease.PixelBytes; i++) content[at + release.LabelBytes + i] = Pixel(pair.number, record, i);
            }
            return content;
        });
}
