using System.Diagnostics;
using Volley.GpuNode.Data;
using Volley.GpuNode.Data.Packed;
using Volley.GpuNode.Data.Sources;
using Volley.Shared;
using Volley.Shared.Config;

namespace Volley.GpuNode.Tests.Data.Packed;

public sealed class PackedFileTests : IDisposable
{
    private readonly DataFolder _folder = new();

    [Fact]
    public void WhatWasAdded_IsRead_InTheOrderOfNames()
    {
        var path = Write("a.volley");

        using var packed = PackedFile.Open(path);

        Assert.Equal((2, 1), (packed.Header.TrainImages, packed.Header.TestImages));
        Assert.Equal([1, 0, 1], Enumerable.Range(0, 3).Select(packed.Label));
        Assert.Equal([40, 50, 60], Enumerable.Range(0, 3).Select(image => (int)packed.Pixels(image)[0]));
        Assert.Equal((45.0 / 255, 5.0 / 255), (packed.Header.Mean[0], packed.Header.Std[0]));
        Assert.Throws<ArgumentOutOfRangeException>(() => { _ = packed.Pixels(3); });
        Assert.Throws<InvalidOperationException>(() => { _ = packed.LabelRow(0); });
    }

    [Fact]
    public void TheDigest_IsOfTheContent_NotOfTheName()
    {
        using var first = PackedFile.Open(Write("a.volley", source: "here"));
        using var second = PackedFile.Open(Write("b.volley", source: "there"));
        using var other = PackedFile.Open(Write("c.volley", firstPixel: 41));

        Assert.Equal(first.Header.ContentSha256, second.Header.ContentSha256);
        Assert.NotEqual(first.Header.ContentSha256, other.Header.ContentSha256);
    }

    [Fact]
    public void TheSameImages_GiveTheSameBytes() =>
        Assert.Equal(File.ReadAllBytes(Write("a.volley")), File.ReadAllBytes(Write("b.volley")));

    [Fact]
    public void AnyFlippedByte_IsNoticed()
    {
        var path = Write("a.volley");
        var bytes = File.ReadAllBytes(path);
        var header = 16 + BitConverter.ToInt32(bytes, 12) + 8;
        // The padding between header and payload is the only place where nothing is.
        foreach (var at in Enumerable.Range(0, header).Concat(Enumerable.Range(PackedFile.PayloadAlignment, bytes.Length - PackedFile.PayloadAlignment)))
        {
            var damaged = (byte[])bytes.Clone();
            damaged[at] ^= 0x10;
            File.WriteAllBytes(path, damaged);

            Assert.Throws<UserErrorException>(() => PackedFile.Open(path).Dispose());
        }
    }

    [Fact]
    public void AnyCut_IsNoticed()
    {
        var path = Write("a.volley");
        var bytes = File.ReadAllBytes(path);
        foreach (var length in (int[])[0, 4, 8, 15, 16, 100, 4095, 4096, bytes.Length - 1, bytes.Length + 1])
        {
            File.WriteAllBytes(path, length <= bytes.Length ? bytes[..length] : [.. bytes, 0]);

            var error = Assert.Throws<UserErrorException>(() => PackedFile.Open(path).Dispose());
            Assert.Contains(path, error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void AnotherVersion_SaysWhatToDo()
    {
        var path = Write("a.volley");
        var bytes = File.ReadAllBytes(path);
        bytes[8] = 9;
        File.WriteAllBytes(path, bytes);

        var error = Assert.Throws<UserErrorException>(() => PackedFile.Open(path));

        Assert.Contains("format 9, this program reads format 1", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("cifar10", 0, 0, "holds images")]
    [InlineData("images", 32, 0, "was prepared with 2×2 pixels")]
    [InlineData("images", 0, 3, "was prepared with 1.")]
    public void APackedFileThatIsNotWhatTheTrialWants_IsRefused(string name, int size, int channels, string expected)
    {
        Write("a.volley");

        var error = Assert.ThrowsAny<UserErrorException>(() => OpenDataset(new DatasetSpec { Name = name, Path = "a.volley", ImageSize = size, Channels = channels }));

        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void APackedFile_IsUsedAsItIs()
    {
        Write("a.volley");

        using var packed = OpenDataset(new DatasetSpec { Name = "images", Path = "a.volley" });

        Assert.Equal(_folder.At("a.volley"), packed.Path);
    }

    [Fact]
    public async Task SeveralThatWantTheSameSet_PrepareItOnce()
    {
        var source = new CountingSource(DataFolder.FashionSource());

        var paths = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
            PreparedCache.Get(_folder.Directories.DataRoot, source, new PrepareSettings(0, 0), null, TestContext.Current.CancellationToken))));

        Assert.Single(paths.Distinct());
        Assert.Equal(1, source.Prepared);
    }

    [Fact]
    public void OtherSettings_AreAnotherFile()
    {
        var source = DataFolder.FashionSource();
        string Get(int size, int channels) => PreparedCache.Get(_folder.Directories.DataRoot, source, new PrepareSettings(size, channels), null, TestContext.Current.CancellationToken);

        Assert.Equal(3, new[] { Get(0, 0), Get(32, 0), Get(0, 3), Get(32, 0) }.Distinct().Count());
    }

    [Fact]
    public void AWaitForTheLock_CanBeCancelled()
    {
        using var held = FileLock.Take(_folder.At("x.lock"), TestContext.Current.CancellationToken);
        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(50));

        Assert.Throws<OperationCanceledException>(() => FileLock.Take(_folder.At("x.lock"), stop.Token));
    }

    [Fact]
    public void ALockThatCannotBeMade_IsAnErrorAndNoEndlessWait() =>
        Assert.ThrowsAny<IOException>(() => FileLock.Take(_folder.At("no", "such", "folder", "x.lock"), TestContext.Current.CancellationToken));

    [Fact]
    public async Task AnotherProcess_HoldsTheLockToo()
    {
        var path = _folder.At("x.lock");
        using var other = Process.Start(new ProcessStartInfo("flock", [path, "cat"]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        await other.StandardInput.WriteLineAsync("held");
        Assert.Equal("held", await other.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));
        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(100));
        Assert.Throws<OperationCanceledException>(() => FileLock.Take(path, stop.Token));

        other.StandardInput.Close();
        await other.WaitForExitAsync(TestContext.Current.CancellationToken);

        FileLock.Take(path, TestContext.Current.CancellationToken).Dispose();
    }

    public void Dispose() => _folder.Dispose();

    private PackedFile OpenDataset(DatasetSpec dataset) =>
        PreparedDataset.Open(dataset, _folder.Root, _folder.Directories.DataRoot, null, TestContext.Current.CancellationToken);

    private string Write(string name, string source = "test", byte firstPixel = 40)
    {
        var path = _folder.At(name);
        using var builder = new PackedBuilder(path);
        builder.Add("test", "a", [1], DecodedImage.Grey(2, 2, [60, 60, 60, 60]));
        builder.Add("train", "b", [0], DecodedImage.Grey(2, 2, [50, 50, 50, 50]));
        builder.Add("train", "a", [1], DecodedImage.Grey(2, 2, [firstPixel, 40, 40, 40]));
        builder.Finish("images", source, "test", ["x", "y"], multiLabel: false, greyToOneChannel: true, null, null, TestContext.Current.CancellationToken);
        return path;
    }

    private sealed class CountingSource(IDatasetSource inner) : IDatasetSource
    {
        private int _prepared;

        public int Prepared => _prepared;
        public string Name => inner.Name;
        public string Identity => inner.Identity;

        public void Prepare(PackedBuilder builder, PrepareSettings settings, IProgress<PrepareProgress>? progress, CancellationToken stop)
        {
            Interlocked.Increment(ref _prepared);
            inner.Prepare(builder, settings, progress, stop);
        }
    }
}
