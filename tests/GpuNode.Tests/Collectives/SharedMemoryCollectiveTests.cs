using System.Diagnostics;
using System.Security.Cryptography;
using Volley.GpuNode.Collectives;
using Volley.GpuNode.Collectives.SharedMemory;
using Volley.Shared;
using Volley.TestKit;

namespace Volley.GpuNode.Tests.Collectives;

/// <summary>Ranks are threads here, each with a mapping of its own.</summary>
public sealed class SharedMemoryCollectiveTests
{
    private static readonly OperationName Name = new("bucket", 1200, 3);

    // So small that ordinary sizes take many segments, and wrap around every ring.
    private static readonly SharedMemorySettings Tiny = new() { SegmentBytes = 256, SlotBytes = 8192, SmallBytes = 128, Form = TimeSpan.FromSeconds(20) };

    [Fact]
    public void Sums_AreThePlainSumInTreeOrder_WithManySegments() =>
        CollectiveContract.CheckSums(CollectiveCase.Over([1, 2, 3, 5, 8], [0, 1, 127, 4099]), shards => Open(shards, Tiny));

    [Fact]
    public void Sums_AreThePlainSumInTreeOrder_WithRealSizes() =>
        CollectiveContract.CheckSums(CollectiveCase.Over([2, 3], [1021, 100_003]), shards => Open(shards, SharedMemorySettings.Default));

    [Fact]
    public void Copies_ReachEveryRank() =>
        CollectiveContract.CheckCopies(
            from worldSize in (int[])[1, 2, 3, 5, 8]
            from count in (long[])[0, 1, 13, 4099]
            select new CollectiveCase(worldSize, worldSize, count, ElementType.Float32, WireType.Same), shards => Open(shards, Tiny));

    [Fact]
    public void ManyOperationsUnderWay_KeepTheirOrder() => CollectiveContract.CheckManyUnderWay(shards => Open(shards, Tiny));

    [Theory]
    [InlineData(10)]
    [InlineData(32)]       // one more takes the other algorithm
    [InlineData(5000)]
    public void MismatchedSizes_FailWithBothSizes(long elements) => CollectiveContract.CheckMismatchedSizes(shards => Open(shards, Tiny), elements);

    [Theory]
    [InlineData(1)]
    [InlineData(5000)]
    public void Abort_EndsTheGroupForAll(long elements) => CollectiveContract.CheckAbort(shards => Open(shards, Tiny), elements);

    [Theory]
    [InlineData(1)]
    [InlineData(5000)]
    public void ARankThatLeaves_IsNamed_WithOperationStepAndBucket(long elements)
    {
        var ranks = Open(ShardAssignment.Even(3, 3), Tiny);
        var ends = RankThreads.Run(ranks, rank =>
        {
            rank.Barrier(Name).Wait();
            if (rank.Position == 1)
            {
                rank.Dispose();
                return;
            }
            using var memory = new AlignedMemory(elements * sizeof(float));
            rank.AllReduce([memory.Address], elements, ElementType.Float32, WireType.Same, Name).Wait();
        });
        foreach (var position in (int[])[0, 2])
        {
            var end = Assert.IsType<PeerLostException>(ends[position]);
            Assert.Equal([1], end.SilentPeers);
            Assert.Contains("all-reduce of bucket 3 at step 1200", end.Message, StringComparison.Ordinal);
        }
        foreach (var rank in ranks) rank.Dispose();
    }

    [Fact]
    public void WhatARankDidBeforeItLeft_Counts()
    {
        var ranks = Open(ShardAssignment.Even(2, 2), Tiny);
        RankThreads.RunAll(ranks, rank =>
        {
            using var memory = new AlignedMemory(5000 * sizeof(float));
            rank.AllReduce([memory.Address], 5000, ElementType.Float32, WireType.Same, Name).Wait();
            rank.Barrier(Name).Wait();
            rank.Dispose();
        });
    }

    [Fact]
    public void ARankThatComputesForLong_IsNotTakenForLost()
    {
        var settings = Tiny with { Heartbeat = TimeSpan.FromMilliseconds(20), Silence = TimeSpan.FromMilliseconds(300) };
        var ranks = Open(ShardAssignment.Even(2, 2), settings);
        RankThreads.RunAll(ranks, rank =>
        {
            if (rank.Position == 1)
            {
                var start = Stopwatch.GetTimestamp();
                while (Stopwatch.GetElapsedTime(start) < 3 * settings.Silence) { }   // computes
            }
            rank.Barrier(Name).Wait();
        });
        foreach (var rank in ranks) rank.Dispose();
    }

    [Fact]
    public void TheFileIsGone_OnceAllHaveMappedIt()
    {
        var group = Group(2);
        var ranks = Open(group, Tiny);
        Assert.False(File.Exists(SharedSegment.PathOf(group, "test", Tiny)));
        foreach (var rank in ranks) rank.Dispose();
    }

    [Fact]
    public void PeersOfAnotherPlan_AreRefused_WithBoth()
    {
        var group = Group(2);
        var ends = RankThreads.Run(2, position =>
            SharedMemoryCollective.Open(position == 0 ? group : group with { PlanHash = "other" }, position, "test", Tiny).Dispose());
        foreach (var end in ends)
        {
            var refused = Assert.IsType<UserErrorException>(end);
            Assert.Contains("plan same", refused.Message, StringComparison.Ordinal);
            Assert.Contains("plan other", refused.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void ARankThatDoesNotCome_IsNamed()
    {
        var group = Group(3);
        var settings = Tiny with { Form = TimeSpan.FromMilliseconds(300) };
        var ends = RankThreads.Run(2, position => SharedMemoryCollective.Open(group, position, "test", settings).Dispose());
        Assert.All(ends, end => Assert.Equal([2], Assert.IsType<PeerLostException>(end).SilentPeers));
        Assert.False(File.Exists(SharedSegment.PathOf(group, "test", settings)));
    }

    [Fact]
    public void AWaitForRanksThatWillNotCome_CanBeEnded()
    {
        using var cancel = new CancellationTokenSource(TimeSpan.FromMilliseconds(50));
        Assert.ThrowsAny<OperationCanceledException>(() => SharedMemoryCollective.Open(Group(3), 0, "test", cancel: cancel.Token));
        Assert.ThrowsAny<OperationCanceledException>(() => SharedMemoryCollective.Open(Group(3), 1, "test", cancel: cancel.Token));
    }

    [Fact]
    public void AFullFileSystem_IsOneClearError()
    {
        if (!Environment.IsPrivilegedProcess) SharedFiles.SkipOrFail("Mounting a small tmpfs takes root.");
        var folder = Directory.CreateTempSubdirectory("volley-shm-").FullName;
        Mount("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder);
        try
        {
            var error = Assert.Throws<UserErrorException>(() => SharedMemoryCollective.Open(Group(4), 0, "test", SharedMemorySettings.Default with { Directory = folder }, cancel: TestContext.Current.CancellationToken));
            Assert.Contains(folder, error.Message, StringComparison.Ordinal);
            Assert.Contains("MB are needed", error.Message, StringComparison.Ordinal);
            Assert.Contains("MB are free", error.Message, StringComparison.Ordinal);
            Assert.Empty(Directory.EnumerateFiles(folder));
        }
        finally
        {
            Mount("umount", folder);
            Directory.Delete(folder);
        }
    }

    private static void Mount(string program, params string[] words)
    {
        using var process = Process.Start(new ProcessStartInfo(program, words) { RedirectStandardError = true })!;
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0) SharedFiles.SkipOrFail($"{program} {string.Join(' ', words)}: {error}");
    }

    private static GroupDescription Group(int worldSize, int? shards = null) => new(
        "test", 1, [.. Enumerable.Range(0, worldSize).Select(rank => new GroupMember(rank, "here", "127.0.0.1", 0, -1))],
        shards ?? worldSize, "same", RandomNumberGenerator.GetBytes(32));

    private static ICollective[] Open(ShardAssignment shards, SharedMemorySettings settings) => Open(Group(shards.WorldSize, shards.Shards), settings);

    private static ICollective[] Open(GroupDescription group, SharedMemorySettings settings)
    {
        var ranks = new ICollective[group.WorldSize];
        var ends = RankThreads.Run(group.WorldSize, position => ranks[position] = SharedMemoryCollective.Open(group, position, "test", settings));
        Assert.All(ends, Assert.Null);
        return ranks;
    }
}
