using Volley.GpuNode.Collectives;
using Volley.GpuNode.Collectives.Nccl;
using Volley.GpuNode.Collectives.Transport;
using Volley.Shared;

namespace Volley.GpuNode.Tests.Collectives;

public sealed class NcclCollectiveTests : IDisposable
{
    private const nint Stream = 0x5000;
    private static readonly OperationName Name = new("bucket", 1200, 3);
    private readonly NcclStandIn _standIn = new();

    public void Dispose() => _standIn.Dispose();

    [Fact]
    public void AGroup_TakesOneId_Works_AndLeavesInGoodOrder()
    {
        _standIn.Set("polls_in_progress", 500);
        _standIn.Set("stream_busy", 500);
        var ranks = Create(2);
        RankThreads.RunAll(ranks, rank => rank.AllReduce([0x1000], 1000, ElementType.Float32, WireType.Same, Name).Wait());
        foreach (var rank in ranks) rank.Dispose();
        var calls = _standIn.Calls;
        Assert.Equal("id", calls[0]);
        Assert.Equal(["init rank=0 world=2", "init rank=1 world=2"], calls[1..3].Order());
        Assert.Equal(["all-reduce rank=0 from=0x1000 to=0x1000 n=1000 type=7 op=0 stream=0x5000", "all-reduce rank=1 from=0x1000 to=0x1000 n=1000 type=7 op=0 stream=0x5000"], calls[3..5].Order());
        Assert.Equal(["finalize rank=0", "destroy rank=0", "finalize rank=1", "destroy rank=1"], calls[5..]);
    }

    [Fact]
    public void EqualChunks_UseNcclsOwnOperations_UnevenOnesWhatGivesTheSame()
    {
        var ranks = Create(2);
        RankThreads.RunAll(ranks, rank =>
        {
            rank.ReduceScatter([0x10000], 64, ElementType.Float64, WireType.Same, Name).Wait();
            rank.AllGather(0x10000, 64, ElementType.Float64, Name).Wait();
            rank.ReduceScatter([0x10000], 60, ElementType.Float64, WireType.Same, Name).Wait();
            rank.AllGather(0x10000, 60, ElementType.Float64, Name).Wait();
            rank.Broadcast(0x10000, 99, 1, Name).Wait();
            rank.Barrier(Name).Wait();
        });
        string[] second = [.. _standIn.Calls.Where(call => call.Contains("rank=1 from", StringComparison.Ordinal))];
        Assert.Equal(
        [
            "reduce-scatter rank=1 from=0x10000 to=0x10100 n=32 type=8 op=0 stream=0x5000",
            "all-gather rank=1 from=0x10100 to=0x10000 n=32 type=8 stream=0x5000",
            "all-reduce rank=1 from=0x10000 to=0x10000 n=60 type=8 op=0 stream=0x5000",
            "broadcast rank=1 from=0x10000 to=0x10000 n=32 type=8 root=0 stream=0x5000",
            "broadcast rank=1 from=0x10100 to=0x10100 n=28 type=8 root=1 stream=0x5000",
            "broadcast rank=1 from=0x10000 to=0x10000 n=99 type=1 root=1 stream=0x5000",
        ], second);
        foreach (var rank in ranks) rank.Dispose();
    }

    [Fact]
    public void ALostPeer_AbortsTheCommunicator_AndIsNamed()
    {
        var listeners = TcpGroupFixture.Listen(2);
        using var link = new FaultyLink(listeners[1].EndPoint);
        var described = TcpGroupFixture.Describe(listeners);
        var ranks = Form(described with { Members = described.Members.SetItem(1, described.Members[1] with { Port = link.Port }) }, listeners);
        _standIn.Set("stream_busy", -1);   // as a device does whose peer has gone: for ever
        RankThreads.RunAll(ranks, rank =>
        {
            var work = rank.AllReduce([0x1000], 1000, ElementType.Float32, WireType.Same, Name);
            if (rank.Position == 1)
            {
                Assert.True(SpinWait.SpinUntil(() => _standIn.Calls.Count(call => call.StartsWith("all-reduce", StringComparison.Ordinal)) == 2, TimeSpan.FromSeconds(10)));
                link.Cut();
            }
            var end = Assert.Throws<PeerLostException>(work.Wait);
            Assert.Equal([1 - rank.Position], end.SilentPeers);
            Assert.Contains("all-reduce of bucket 3 at step 1200", end.Message, StringComparison.Ordinal);
        });
        foreach (var rank in ranks) rank.Dispose();
        Assert.Equal(["abort rank=0", "abort rank=1"], _standIn.Calls.Where(call => call.StartsWith("abort", StringComparison.Ordinal)).Order());
        Assert.DoesNotContain(_standIn.Calls, call => call.StartsWith("destroy", StringComparison.Ordinal));
    }

    [Fact]
    public void AnErrorThatNcclReportsLater_EndsTheGroup_WithItsWords()
    {
        var ranks = Create(2);
        _standIn.Set("async_error", 6);
        var ends = RankThreads.Run(ranks, rank => rank.AllReduce([0x1000], 1000, ElementType.Float32, WireType.Same, Name).Wait());
        Assert.All(ends, end => Assert.Contains("remote process exited", Assert.IsType<PeerLostException>(end).Message, StringComparison.Ordinal));
        foreach (var rank in ranks) rank.Dispose();
        Assert.Equal(2, _standIn.Calls.Count(call => call.StartsWith("abort", StringComparison.Ordinal)));
    }

    [Fact]
    public void ACommunicatorThatCannotBeMade_IsAnError_OnEveryRank()
    {
        _standIn.Set("fail_init", 1);
        var listeners = TcpGroupFixture.Listen(2);
        var group = TcpGroupFixture.Describe(listeners);
        var ends = RankThreads.Run(2, position => Connect(group, position, listeners[position]));
        Assert.All(ends, end => Assert.IsType<PeerLostException>(end));
        Assert.Contains(ends, end => end!.Message.Contains("ncclCommInitRankConfig", StringComparison.Ordinal) && end.Message.Contains("status 3", StringComparison.Ordinal));
    }

    [Fact]
    public void MismatchedSizes_NeverReachNccl()
    {
        CollectiveContract.CheckMismatchedSizes(shards => Create(shards.WorldSize), 1000);
        Assert.DoesNotContain(_standIn.Calls, call => call.StartsWith("all-reduce", StringComparison.Ordinal));
    }

    [Fact]
    public void NoLibrary_AnOldOne_OrNoDriver_IsAClearError()
    {
        Assert.Contains("libvolley-has-no-such-library.so", Assert.Throws<UserErrorException>(() => NcclLibrary.Load("libvolley-has-no-such-library.so")).Message, StringComparison.Ordinal);
        using var old = new NcclStandIn(without: "ncclCommInitRankConfig");
        Assert.Contains("NCCL 2.14 or newer", Assert.Throws<UserErrorException>(() => old.LoadNccl()).Message, StringComparison.Ordinal);
        using var bare = new NcclStandIn(without: "cuStreamQuery");
        Assert.Contains("cuStreamQuery", Assert.Throws<UserErrorException>(() => bare.LoadCuda()).Message, StringComparison.Ordinal);
    }

    private NcclCollective[] Create(int worldSize)
    {
        var listeners = TcpGroupFixture.Listen(worldSize);
        return Form(TcpGroupFixture.Describe(listeners), listeners);
    }

    private NcclCollective[] Form(GroupDescription group, GroupListener[] listeners)
    {
        var ranks = TcpGroupFixture.Form(group, (position, _) => Connect(group, position, listeners[position]));
        foreach (var listener in listeners) listener.Dispose();
        return ranks;
    }

    private NcclCollective Connect(GroupDescription group, int position, GroupListener listener) =>
        NcclCollective.Connect(group, position, listener, Stream, _standIn.LoadNccl(), _standIn.LoadCuda(), TcpGroupFixture.Timeouts, TestContext.Current.CancellationToken);
}
