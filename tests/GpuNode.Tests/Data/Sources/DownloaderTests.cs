using System.Collections.Concurrent;
using System.Security.Cryptography;
using Volley.GpuNode.Data.Sources;
using Volley.Shared;

namespace Volley.GpuNode.Tests.Data.Sources;

public sealed class DownloaderTests : IDisposable
{
    private static readonly byte[] Content = [.. Enumerable.Range(0, 300_000).Select(i => (byte)(i * 31 + i / 256))];
#pragma warning disable CA5351 // The checksum of the data's home page.
    private static readonly string Md5 = Convert.ToHexStringLower(MD5.HashData(Content));
#pragma warning restore CA5351

    private readonly DataFolder _folder = new();
    private readonly InstantTime _time = new();
    private readonly ConcurrentQueue<PrepareProgress> _progress = [];

    private string Target => _folder.At("set.tar.gz");
    private string Partial => Target + ".partial";

    [Fact]
    public async Task AFile_IsFetched_WithProgress()
    {
        await using var server = new LoopbackServer(LoopbackServer.Send(Content));

        await FetchAsync(server);

        Assert.Equal(Content, await File.ReadAllBytesAsync(Target, TestContext.Current.CancellationToken));
        Assert.False(File.Exists(Partial));
        Assert.Equal(("Downloading set.tar.gz", 300_000L, 300_000L), (_progress.Last().Stage, _progress.Last().Done, _progress.Last().Total));
    }

    [Fact]
    public async Task ACutConnection_IsResumed_WhereItEnded()
    {
        await using var server = new LoopbackServer(LoopbackServer.Send(Content, cutAfter: 100_000), LoopbackServer.Send(Content, cutAfter: 50_000), LoopbackServer.Send(Content));

        await FetchAsync(server);

        Assert.Equal(Content, await File.ReadAllBytesAsync(Target, TestContext.Current.CancellationToken));
        Assert.Equal([null, 100_000, 150_000], server.Requests.Select(request => request.RangeStart));
    }

    [Fact]
    public async Task AServerWithoutRanges_IsAskedForAll()
    {
        await using var server = new LoopbackServer(LoopbackServer.Send(Content, cutAfter: 100_000), LoopbackServer.Send(Content, supportsRange: false));

        await FetchAsync(server);

        Assert.Equal(Content, await File.ReadAllBytesAsync(Target, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task WhatAnEarlierRunLeft_IsUsed()
    {
        await File.WriteAllBytesAsync(Partial, Content[..200_000], TestContext.Current.CancellationToken);
        await using var server = new LoopbackServer(LoopbackServer.Send(Content));

        await FetchAsync(server);

        Assert.Equal(200_000, server.Requests.Single().RangeStart);
        Assert.Equal(Content, await File.ReadAllBytesAsync(Target, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task WhatAnEarlierRunLeft_OfAnotherFile_IsThrownAway()
    {
        await File.WriteAllBytesAsync(Partial, new byte[200_000], TestContext.Current.CancellationToken);
        await using var server = new LoopbackServer(LoopbackServer.Send(Content), LoopbackServer.Send(Content));

        await FetchAsync(server);

        Assert.Equal([200_000, null], server.Requests.Select(request => request.RangeStart));
        Assert.Equal(Content, await File.ReadAllBytesAsync(Target, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task AWholeFileLeftByAnEarlierRun_IsAccepted()
    {
        await File.WriteAllBytesAsync(Partial, Content, TestContext.Current.CancellationToken);
        await using var server = new LoopbackServer(LoopbackServer.Send(Content));

        await FetchAsync(server);

        Assert.Equal(Content, await File.ReadAllBytesAsync(Target, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task WrongBytes_AreRefused_AndNothingStays()
    {
        var wrong = Content.ToArray();
        wrong[123_456] ^= 1;
        await using var server = new LoopbackServer(LoopbackServer.Send(wrong));

        var error = await Assert.ThrowsAsync<UserErrorException>(() => FetchAsync(server));

        Assert.Contains($"expected {Md5}", error.Message, StringComparison.Ordinal);
        Assert.Contains("300,000 bytes", error.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(Target));
        Assert.False(File.Exists(Partial));
    }

    [Fact]
    public async Task NotFound_IsSaidAtOnce()
    {
        await using var server = new LoopbackServer(LoopbackServer.Status(404));

        var error = await Assert.ThrowsAsync<UserErrorException>(() => FetchAsync(server));

        Assert.Contains("answered 404", error.Message, StringComparison.Ordinal);
        Assert.Contains("--data-dir", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ServerErrors_AreTriedAgain()
    {
        await using var server = new LoopbackServer(LoopbackServer.Status(503), LoopbackServer.Send(Content));

        await FetchAsync(server);

        Assert.True(File.Exists(Target));
    }

    [Fact]
    public async Task WithoutAServer_ItGivesUpSoon()
    {
        Uri address;
        await using (var server = new LoopbackServer()) address = server.Address;

        var error = await Assert.ThrowsAsync<UserErrorException>(() => FetchAsync(address));

        Assert.Contains("could not be fetched", error.Message, StringComparison.Ordinal);
        Assert.Contains("2 tries", error.Message, StringComparison.Ordinal);
        Assert.Contains("--data-dir", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ASilentServer_IsLeft_AndTheDownloadGoesOn()
    {
        await using var server = new LoopbackServer(LoopbackServer.Stall(Content, after: 1000), LoopbackServer.Send(Content));

        await FetchAsync(server.Address, stallTimeout: TimeSpan.FromMilliseconds(200), TimeProvider.System);

        Assert.Equal(Content, await File.ReadAllBytesAsync(Target, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task ADamagedArchiveInTheDownloadFolder_IsNotUsed()
    {
        await using var server = new LoopbackServer(LoopbackServer.Send(Content));
        var download = new ReleaseDownload(server.Address, "set.tar.gz", Md5, _folder.Root, new Downloader(Client(), _time) { StallTimeout = TimeSpan.FromMinutes(1) });
        await File.WriteAllBytesAsync(Target, Content[..^1], TestContext.Current.CancellationToken);

        var error = Assert.Throws<UserErrorException>(() => download.Get(null, TestContext.Current.CancellationToken));

        Assert.Contains("delete it, and it is fetched again", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task TwoAtOnce_FetchItOnce()
    {
        await using var server = new LoopbackServer(LoopbackServer.Send(Content));
        var download = new ReleaseDownload(server.Address, "set.tar.gz", Md5, _folder.Root, new Downloader(Client(), _time) { StallTimeout = TimeSpan.FromMinutes(1) });

        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => download.Get(null, TestContext.Current.CancellationToken))));

        Assert.Single(server.Requests);
    }

    public void Dispose() => _folder.Dispose();

    private static HttpMessageInvoker Client() => new(new SocketsHttpHandler { UseProxy = false });

    private Task FetchAsync(LoopbackServer server) => FetchAsync(server.Address);

    private async Task FetchAsync(Uri address, TimeSpan? stallTimeout = null, TimeProvider? time = null)
    {
        using var client = Client();
        var downloader = new Downloader(client, time ?? _time) { StallTimeout = stallTimeout ?? TimeSpan.FromMinutes(1) };
        await downloader.FetchAsync(address, Target, Md5, new Collect(_progress), TestContext.Current.CancellationToken);
    }

    private sealed class Collect(ConcurrentQueue<PrepareProgress> into) : IProgress<PrepareProgress>
    {
        public void Report(PrepareProgress value) => into.Enqueue(value);
    }

    /// <summary>Pauses of seconds end at once; time-outs of a minute stay a minute.</summary>
    private sealed class InstantTime : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            System.CreateTimer(callback, state, dueTime > TimeSpan.Zero && dueTime < TimeSpan.FromSeconds(40) ? TimeSpan.FromMilliseconds(1) : dueTime, period);
    }
}
