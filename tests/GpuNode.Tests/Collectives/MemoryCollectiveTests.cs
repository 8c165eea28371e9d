using Volley.GpuNode.Collectives;

namespace Volley.GpuNode.Tests.Collectives;

public sealed class MemoryCollectiveTests
{
    private static readonly OperationName Name = new("bucket", 1200, 3);

    [Fact]
    public void Sums_AreThePlainSumInTreeOrder() =>
        CollectiveContract.CheckSums(CollectiveCase.Over([1, 2, 3, 5, 8], [0, 1, 1021]), MemoryCollective.CreateGroup);

    [Fact]
    public void Copies_ReachEveryRank() =>
        CollectiveContract.CheckCopies([new(1, 1, 5, ElementType.Float32, WireType.Same), new(3, 3, 1021, ElementType.Float64, WireType.Same), new(5, 5, 3, ElementType.Float32, WireType.Same)], MemoryCollective.CreateGroup);

    [Fact]
    public void ManyOperationsUnderWay_KeepTheirOrder() => CollectiveContract.CheckManyUnderWay(MemoryCollective.CreateGroup);

    [Fact]
    public void MismatchedSizes_FailWithBothSizes() => CollectiveContract.CheckMismatchedSizes(MemoryCollective.CreateGroup, 100);

    [Fact]
    public void Abort_EndsTheGroupForAll() => CollectiveContract.CheckAbort(MemoryCollective.CreateGroup, 100);

    [Fact]
    public void ARankThatLeaves_IsNamed_WithOperationStepAndBucket()
    {
        var ranks = MemoryCollective.CreateGroup(ShardAssignment.Even(3, 3));
        var ends = RankThreads.Run(ranks, rank =>
        {
            rank.Barrier(Name).Wait();
            if (rank.Position == 1)
            {
                rank.Dispose();
                return;
            }
            using var memory = new AlignedMemory(4);
            rank.AllReduce([memory.Address], 1, ElementType.Float32, WireType.Same, Name).Wait();
        });
        foreach (var position in (int[])[0, 2])
        {
            var end = Assert.IsType<PeerLostException>(ends[position]);
            // Whoever saw it first names the peer; the other one may hear it from that rank.
            Assert.Contains("all-reduce of bucket 3 at step 1200", end.Message, StringComparison.Ordinal);
        }
        Assert.Contains(ends, end => end is PeerLostException { SilentPeers: [1] });
        foreach (var rank in ranks) rank.Dispose();
    }

    [Fact]
    public void WrongArguments_AreRefused_AndHarmNobody()
    {
        using var rank = MemoryCollective.CreateGroup(ShardAssignment.Even(3, 1))[0];
        using var memory = new AlignedMemory(128);
        Assert.Throws<ArgumentException>(() => rank.AllReduce([memory.Address, memory.Address], 1, ElementType.Float32, WireType.Same, Name));
        Assert.Throws<ArgumentException>(() => rank.AllReduce([memory.Address], 1, ElementType.Float64, WireType.BFloat16, Name));
        Assert.Throws<ArgumentException>(() => rank.AllReduce([memory.Address + 4], 1, ElementType.Float32, WireType.Same, Name));
        Assert.Throws<ArgumentOutOfRangeException>(() => rank.Broadcast(memory.Address, 4, 1, Name));
        rank.AllReduce([memory.Address], 1, ElementType.Float32, WireType.Same, Name).Wait();
    }
}
