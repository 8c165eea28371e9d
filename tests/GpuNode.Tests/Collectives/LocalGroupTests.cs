using System.Diagnostics;
using System.Text.Json;
using Volley.GpuNode.Cli;
using Volley.GpuNode.Collectives;
using Volley.GpuNode.Collectives.Benchmarks;
using Volley.GpuNode.Collectives.Local;
using Volley.Shared;

namespace Volley.GpuNode.Tests.Collectives;

/// <summary>Ranks as child processes.</summary>
public sealed class LocalGroupTests
{
    private static readonly CancellationToken Cancellation = TestContext.Current.CancellationToken;

    [Fact]
    public async Task EveryRank_KnowsItsPlace_AndHearsWhatItIsTold()
    {
        using var group = await LocalGroup.StartAsync(new LocalGroupPlan(2, 5, EchoBody.Name, "hello"), Cancellation);
        foreach (var rank in group.Ranks)
        {
            Assert.Equal($"rank {rank.Position} of 2, 5 shards: hello", await rank.Reports.ReadAsync(Cancellation));
            await rank.SendAsync("more");
            Assert.Equal("more", await rank.Reports.ReadAsync(Cancellation));
            await rank.SendAsync("end");
        }
        await group.WaitAsync(Cancellation);
    }

    [Fact]
    public async Task WhatARankCannotDo_IsAClearError()
    {
        using var group = await LocalGroup.StartAsync(new LocalGroupPlan(1, 1, "nothing", ""), Cancellation);
        var error = await Assert.ThrowsAsync<UserErrorException>(() => group.WaitAsync(Cancellation));
        Assert.Contains("'nothing'", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Shm")]
    [InlineData("Tcp")]
    public async Task ABenchmark_IsVerified(string transport)
    {
        var plan = new AllReducePlan([4096, 1 << 20, 0], Enum.Parse<TransportChoice>(transport), WireType.Same, Seconds: 0.01);
        using var group = await LocalGroup.StartAsync(new LocalGroupPlan(3, 4, AllReduceBenchmark.Name, JsonSerializer.Serialize(plan)), Cancellation);
        foreach (var bytes in plan.Sizes)
        {
            var found = JsonSerializer.Deserialize<AllReduceCase>(await group.Ranks[0].Reports.ReadAsync(Cancellation))!;
            Assert.Equal((bytes, 3, 4, true), (found.Bytes, found.Ranks, found.Shards, found.Verified));
            Assert.Equal(transport, found.Transport, ignoreCase: true);
        }
        await group.WaitAsync(Cancellation);
    }

    [Fact]
    public async Task AfterAKill_TheOthersLeaveWithinASecond_AndNameIt()
    {
        var plan = new AllReducePlan([1 << 20, 4 << 20], TransportChoice.Shm, WireType.Same, Seconds: 60);
        using var group = await LocalGroup.StartAsync(new LocalGroupPlan(3, 3, AllReduceBenchmark.Name, JsonSerializer.Serialize(plan)), Cancellation);
        // The group stands: the segment's name is gone.
        await WaitUntilAsync(() => File.ReadLines($"/proc/{group.Ranks[0].Pid}/maps").Any(line => line.Contains("volley-group-", StringComparison.Ordinal) && line.EndsWith("(deleted)", StringComparison.Ordinal)));
        var start = Stopwatch.GetTimestamp();
        group.Ranks[1].Kill();
        foreach (var position in (int[])[0, 2])
        {
            Assert.Equal(1, await group.Ranks[position].Ended.WaitAsync(TimeSpan.FromSeconds(20), Cancellation));
            Assert.Contains($"rank {position} of 3 lost rank 1", group.Ranks[position].Errors, StringComparison.Ordinal);
        }
        // One second to notice (0.2 s between looks), and the end of two processes on cores that other tests use.
        Assert.InRange(Stopwatch.GetElapsedTime(start), TimeSpan.Zero, TimeSpan.FromSeconds(2));
    }

    [Theory]
    [InlineData("4K,25M,100", new[] { 4096L, 25L << 20, 100L })]
    public void Sizes_AreReadWithUnits(string text, long[] expected) => Assert.Equal(expected, BenchAllReduceVerb.SizesOf(text));

    [Theory]
    [InlineData("4X")]
    [InlineData("")]
    [InlineData("3")]
    [InlineData("4G")]
    public void WrongSizes_AreRefused(string text) =>
        Assert.Contains("--sizes", Assert.Throws<UserErrorException>(() => BenchAllReduceVerb.SizesOf(text)).Message, StringComparison.Ordinal);

    private static async Task WaitUntilAsync(Func<bool> condition)
    {
        using var ticks = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        while (!condition()) await ticks.WaitForNextTickAsync(Cancellation);
    }
}
