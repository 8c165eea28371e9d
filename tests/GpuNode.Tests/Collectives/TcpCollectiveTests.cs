using System.Net;
using Volley.GpuNode.Collectives;
using Volley.GpuNode.Collectives.Tcp;

namespace Volley.GpuNode.Tests.Collectives;

public sealed class TcpCollectiveTests
{
    // Segments hold 65,536 float32 or 131,072 bfloat16 elements of a chunk: the largest have several, and an uneven last one.
    private const long SeveralSegments = 2 * LargeSum.SegmentBytes / sizeof(float) * 2 + 7919;

    [Fact]
    public void Sums_AreTheTreeSum_BitForBit() =>
        CollectiveContract.CheckSums(CollectiveCase.Over([1, 2, 3, 5, 8], [0, 1, 7919, 9_001]), TcpGroupFixture.Create);

    [Fact]
    public void SumsOfSeveralSegments_AreTheTreeSum_BitForBit() =>
        CollectiveContract.CheckSums(
            [new(2, 3, SeveralSegments, ElementType.Float32, WireType.Same), new(2, 3, SeveralSegments, ElementType.Float32, WireType.BFloat16), new(3, 3, SeveralSegments, ElementType.Float64, WireType.Same)],
            TcpGroupFixture.Create);

    [Fact]
    public void Copies_ReachEveryRank() =>
        CollectiveContract.CheckCopies(
            from worldSize in (int[])[1, 2, 3, 5]
            from elements in (int[])[0, 1, 100_003]
            select new CollectiveCase(worldSize, worldSize, elements, ElementType.Float32, WireType.Same), TcpGroupFixture.Create);

    [Fact]
    public void ManyOperationsUnderWay_KeepTheirOrder() => CollectiveContract.CheckManyUnderWay(TcpGroupFixture.Create);

    [Theory]
    [InlineData(5)]
    [InlineData(1_000_003)]
    public void MismatchedSizes_FailOnEveryRank_WithBothSizes(long elements) => CollectiveContract.CheckMismatchedSizes(TcpGroupFixture.Create, elements);

    [Theory]
    [InlineData(5)]
    [InlineData(1_000_003)]
    public void Abort_EndsTheGroupOnEveryRank(long elements) => CollectiveContract.CheckAbort(TcpGroupFixture.Create, elements);

    [Fact]
    public void Sums_TravelOverIpVersion6()
    {
        if (!System.Net.Sockets.Socket.OSSupportsIPv6) TestKit.SharedFiles.SkipOrFail("This machine has no IPv6.");
        CollectiveContract.CheckSums(CollectiveCase.Over([2], [1, 50_021]), shards => TcpGroupFixture.Create(shards, TcpGroupFixture.Timeouts, IPAddress.IPv6Loopback));
    }
}
