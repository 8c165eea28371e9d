using Volley.GpuNode.Collectives;
using Volley.GpuNode.Collectives.Hierarchical;

namespace Volley.GpuNode.Tests.Collectives;

public sealed class HierarchicalCollectiveTests
{
    // More than one part, and an uneven last one.
    private const long SeveralParts = 2 * 1024 * 1024 + 7919;

    [Theory]
    [InlineData("aabb")]
    [InlineData("abb")]
    [InlineData("aba")]
    [InlineData("aabbc")]
    public void Sums_AreTheTreeSum_BitForBit(string machines) =>
        CollectiveContract.CheckSums(CollectiveCase.Over([machines.Length], [0, 1, 9_001]), shards => Create(shards, machines));

    [Fact]
    public void SumsOfSeveralParts_AreTheTreeSum_BitForBit() => CollectiveContract.CheckSums(
        [new(3, 4, SeveralParts, ElementType.Float32, WireType.Same), new(3, 4, SeveralParts, ElementType.Float32, WireType.BFloat16)],
        shards => Create(shards, "aab"));

    [Fact]
    public void Copies_ReachEveryRank() =>
        CollectiveContract.CheckCopies([new(3, 3, 100_003, ElementType.Float32, WireType.Same), new(3, 3, 1, ElementType.Float64, WireType.Same)], shards => Create(shards, "aab"));

    [Fact]
    public void ManyOperationsUnderWay_KeepTheirOrder() => CollectiveContract.CheckManyUnderWay(shards => Create(shards, "aab"));

    [Theory]
    [InlineData("aab")]
    [InlineData("abb")]
    public void MismatchedSizes_FailOnEveryRank_WithBothSizes(string machines) => CollectiveContract.CheckMismatchedSizes(shards => Create(shards, machines), 100_003);

    [Theory]
    [InlineData("aab")]
    [InlineData("abb")]
    public void Abort_EndsTheGroupOnEveryRank(string machines) => CollectiveContract.CheckAbort(shards => Create(shards, machines), 100_003);

    [Fact]
    public void ALostRank_IsNamedOnEveryMachine()
    {
        var listeners = TcpGroupFixture.Listen(5);
        using var link = new FaultyLink(listeners[4].EndPoint);
        var described = TcpGroupFixture.Describe(listeners);
        // Alone on its machine, as shared memory outlives a cut link.
        var group = OnMachines(described with { Members = described.Members.SetItem(4, described.Members[4] with { Port = link.Port }) }, "aabbc");
        var ranks = TcpGroupFixture.Form(group, (position, cancel) => HierarchicalCollective.Connect(group, position, listeners[position], TcpGroupFixture.Timeouts, cancel: cancel));
        using var waiting = new CountdownEvent(4);
        var ends = RankThreads.Run(5, position =>
        {
            using var memory = new AlignedMemory(SeveralParts * sizeof(float));
            if (position == 4)
            {
                waiting.Wait(TestContext.Current.CancellationToken);
                link.Cut();
                return;
            }
            var work = ranks[position].AllReduce([memory.Address], SeveralParts, ElementType.Float32, WireType.Same, new OperationName("bucket", 1200, 3));
            waiting.Signal();
            work.Wait();
        });
        foreach (var end in ends[..4]) Assert.Equal([4], Assert.IsType<PeerLostException>(end).SilentPeers);
        foreach (var rank in ranks) rank.Dispose();
        foreach (var listener in listeners) listener.Dispose();
    }

    private static HierarchicalCollective[] Create(ShardAssignment shards, string machines)
    {
        var listeners = TcpGroupFixture.Listen(shards.WorldSize);
        var group = OnMachines(TcpGroupFixture.Describe(listeners, shards.Shards), machines);
        var ranks = TcpGroupFixture.Form(group, (position, cancel) => HierarchicalCollective.Connect(group, position, listeners[position], TcpGroupFixture.Timeouts, cancel: cancel));
        foreach (var listener in listeners) listener.Dispose();
        return ranks;
    }

    private static GroupDescription OnMachines(GroupDescription group, string machines) =>
        group with { Members = [.. group.Members.Select((member, position) => member with { Machine = $"{machines[position]}" })] };
}
