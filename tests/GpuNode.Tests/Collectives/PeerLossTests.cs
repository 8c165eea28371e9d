using System.Diagnostics;
using Volley.GpuNode.Collectives;

namespace Volley.GpuNode.Tests.Collectives;

/// <summary>Three ranks, of which the last one goes: at every live rank the group ends in time, and names it.</summary>
public sealed class PeerLossTests
{
    private const int Elements = 4_000_000;
    private static readonly OperationName Name = new("bucket", 1200, 3);
    private static readonly TimeSpan ProcessLimit = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LinkLimit = TimeSpan.FromSeconds(5);

    [Theory]
    [InlineData(1)]
    [InlineData(5_000)]
    [InlineData(Elements)]
    public void ADeadPeer_EndsWaitingOperations_WithinASecond(int elements) => CheckLoss(elements, link => link.Cut(), ProcessLimit);

    [Fact]
    public void ASilentPeer_EndsWaitingOperations_WithinFiveSeconds() => CheckLoss(Elements, link => link.Swallow(), LinkLimit);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void APeerLostInTheMiddleOfATransfer_IsNamed(bool dies)
    {
        using var group = new Isolable();
        var since = new Stopwatch();
        // Half of what the last rank sends and receives.
        group.Link.After(Elements * sizeof(float) * 4L / 3, () =>
        {
            since.Start();
            if (dies) group.Link.Cut();
            else group.Link.Swallow();
        });
        var ends = RankThreads.Run(3, position =>
        {
            using var memory = new AlignedMemory(Elements * sizeof(float));
            group.Ranks[position].AllReduce([memory.Address], Elements, ElementType.Float32, WireType.Same, Name).Wait();
        });
        AssertLost(ends, since.Elapsed, dies ? ProcessLimit : LinkLimit);
    }

    [Fact]
    public void APeerLostBetweenOperations_FailsTheNextOne_AtOnce()
    {
        using var group = new Isolable();
        group.Link.Cut();
        Assert.True(SpinWait.SpinUntil(() => group.Ranks[..2].All(rank => Fails(rank)), ProcessLimit), "Nobody noticed.");

        static bool Fails(ICollective rank)
        {
            try
            {
                rank.Barrier(Name).Wait();
                return false;
            }
            catch (PeerLostException lost)
            {
                Assert.Equal([2], lost.SilentPeers);
                return true;
            }
        }
    }

    [Fact]
    public void ASlowRank_IsNotTakenForALostOne()
    {
        var impatient = TcpGroupFixture.Timeouts with { HeartbeatPeriod = TimeSpan.FromMilliseconds(50), Silence = TimeSpan.FromMilliseconds(500) };
        var ranks = TcpGroupFixture.Create(ShardAssignment.Even(2, 2), impatient);
        var slow = Stopwatch.StartNew();
        RankThreads.RunAll(ranks, rank =>
        {
            if (rank.Position == 1) SpinWait.SpinUntil(() => slow.Elapsed > 3 * impatient.Silence);   // computes
            rank.Barrier(Name).Wait();
        });
        foreach (var rank in ranks) rank.Dispose();
    }

    [Fact]
    public void ARankThatDoesNotTakePart_EndsTheOperation_AfterItsLimit()
    {
        var limited = TcpGroupFixture.Timeouts with { Operation = TimeSpan.FromSeconds(1) };
        var ranks = TcpGroupFixture.Create(ShardAssignment.Even(2, 2), limited);
        var end = Assert.Throws<PeerLostException>(() => ranks[0].Barrier(Name).Wait());
        Assert.Contains("lives but does not take part", end.Message, StringComparison.Ordinal);
        foreach (var rank in ranks) rank.Dispose();
    }

    [Fact]
    public void ARankThatLeavesAfterItsLastOperation_HarmsNobody()
    {
        for (var round = 0; round < 8; round++)
        {
            var ranks = TcpGroupFixture.Create(ShardAssignment.Even(3, 3));
            RankThreads.RunAll(ranks, rank =>
            {
                using var memory = new AlignedMemory(50_000 * sizeof(float));
                for (var step = 0; step < 5; step++) rank.AllReduce([memory.Address], step % 2 == 0 ? 50_000 : 10, ElementType.Float32, WireType.Same, Name).Wait();
                rank.Dispose();
            });
        }
    }

    [Fact]
    public void ARankThatLeftEarly_IsNamed()
    {
        var ranks = TcpGroupFixture.Create(ShardAssignment.Even(3, 3));
        ranks[1].Dispose();
        var ends = RankThreads.Run([ranks[0], ranks[2]], rank => rank.Barrier(Name).Wait());
        Assert.All(ends, end => Assert.Contains("rank 1 left the group", Assert.IsType<PeerLostException>(end).Message, StringComparison.Ordinal));
        foreach (var rank in ranks) rank.Dispose();
    }

    private static void CheckLoss(int elements, Action<FaultyLink> lose, TimeSpan limit)
    {
        using var group = new Isolable();
        var since = new Stopwatch();
        using var waiting = new CountdownEvent(2);
        var ends = RankThreads.Run(3, position =>
        {
            using var memory = new AlignedMemory(elements * sizeof(float));
            if (position == 2)
            {
                waiting.Wait(TestContext.Current.CancellationToken);
                since.Start();
                lose(group.Link);
                return;
            }
            var work = group.Ranks[position].AllReduce([memory.Address], elements, ElementType.Float32, WireType.Same, Name);
            waiting.Signal();
            work.Wait();
        });
        AssertLost(ends, since.Elapsed, limit);
    }

    private static void AssertLost(Exception?[] ends, TimeSpan elapsed, TimeSpan limit)
    {
        foreach (var end in ends[..2])
        {
            var lost = Assert.IsType<PeerLostException>(end);
            Assert.Equal([2], lost.SilentPeers);
            Assert.Contains("all-reduce of bucket", lost.Message, StringComparison.Ordinal);
        }
        Assert.True(elapsed < limit, $"The last rank knew after {elapsed.TotalSeconds:0.00} s; the limit is {limit.TotalSeconds} s.");
    }

    /// <summary>Three ranks; every connection of the last one passes through a link that can fail.</summary>
    private sealed class Isolable : IDisposable
    {
        public Isolable()
        {
            var listeners = TcpGroupFixture.Listen(3);
            Link = new FaultyLink(listeners[2].EndPoint);
            var described = TcpGroupFixture.Describe(listeners);
            var group = described with { Members = described.Members.SetItem(2, described.Members[2] with { Port = Link.Port }) };
            Ranks = TcpGroupFixture.Form(group, (position, cancel) => TcpCollective.Connect(group, position, listeners[position], TcpGroupFixture.Timeouts, cancel: cancel));
            foreach (var listener in listeners) listener.Dispose();
        }

        public TcpCollective[] Ranks { get; }

        public FaultyLink Link { get; }

        public void Dispose()
        {
            foreach (var rank in Ranks) rank.Dispose();
            Link.Dispose();
        }
    }
}
