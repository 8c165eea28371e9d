using System.Diagnostics;
using Volley.GpuNode.Collectives;
using Volley.GpuNode.Collectives.SharedMemory;

namespace Volley.GpuNode.Tests.Collectives;

public sealed class PeerLifeTests : IDisposable
{
    private static readonly SharedMemorySettings Settings = new() { SegmentBytes = 256, SlotBytes = 1024, SmallBytes = 128, Silence = TimeSpan.FromMilliseconds(200) };

    private readonly SharedSegment[] _segments = new SharedSegment[2];

    public PeerLifeTests()
    {
        var group = new GroupDescription("life", 1, [new GroupMember(0, "a", "127.0.0.1", 0, -1), new GroupMember(1, "a", "127.0.0.1", 0, -1)], 2, "none", Guid.NewGuid().ToByteArray());
        var layout = new SegmentLayout(ShardAssignment.Even(2, 2), Settings);
        Assert.All(RankThreads.Run(2, position => _segments[position] = SharedSegment.Form(group, position, "test", layout, Settings, TestContext.Current.CancellationToken)), Assert.Null);
    }

    [Fact]
    public void APeerWithoutHeartbeats_IsGone_AfterTheLimitAndNotBefore()
    {
        var life = new PeerLife(_segments[0], 0, Settings);
        var start = Stopwatch.GetTimestamp();
        var (gone, reason) = life.Look();
        while (gone.Count == 0 && Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(20)) (gone, reason) = life.Look();
        Assert.Equal([1], gone);
        Assert.Contains("no sign of life", reason, StringComparison.Ordinal);
        Assert.True(Stopwatch.GetElapsedTime(start) >= Settings.Silence);
    }

    [Fact]
    public void APeerThatBeats_Lives()
    {
        var (life, peer) = (new PeerLife(_segments[0], 0, Settings), new PeerLife(_segments[1], 1, Settings));
        var start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < 3 * Settings.Silence)
        {
            peer.Look();
            Assert.Empty(life.Look().Gone);
        }
    }

    [Fact]
    public void AProcessThatHasEnded_IsGoneAtOnce()
    {
        using var process = Process.Start("/bin/true");
        process.WaitForExit();
        _segments[1].Words(1).Pid = process.Id;
        var (gone, reason) = new PeerLife(_segments[0], 0, Settings).Look();
        Assert.Equal([1], gone);
        Assert.Contains($"({process.Id}) has ended", reason, StringComparison.Ordinal);
    }

    [Fact]
    public void AnotherProcessUnderItsNumber_IsNotTheSame()
    {
        _segments[1].Words(1).Pid = 1;   // lives, and started at another time
        Assert.Equal([1], new PeerLife(_segments[0], 0, Settings).Look().Gone);
    }

    [Fact]
    public void WhoLeftInGoodOrder_MayEnd()
    {
        _segments[1].Words(1).Pid = 1;
        _segments[1].Words(1).State = (int)RankState.Left;
        Assert.Empty(new PeerLife(_segments[0], 0, Settings).Look().Gone);
    }

    [Fact]
    public void PidsOfAnotherNamespace_MeanNothing()
    {
        _segments[1].Words(1).Pid = 1;
        _segments[1].Words(1).PidNamespace = -1;
        Assert.Empty(new PeerLife(_segments[0], 0, Settings).Look().Gone);
    }

    public void Dispose()
    {
        foreach (var segment in _segments) segment.Dispose();
    }
}
