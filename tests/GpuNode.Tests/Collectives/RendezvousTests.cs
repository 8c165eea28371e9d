using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Volley.GpuNode.Collectives;
using Volley.GpuNode.Collectives.Transport;
using Volley.Shared;

namespace Volley.GpuNode.Tests.Collectives;

public sealed class RendezvousTests
{
    private static readonly OperationName Name = new("state");

    // For what must fail: soon.
    private static readonly GroupTimeouts Short = GroupTimeouts.Default with { Form = TimeSpan.FromSeconds(1.5), Handshake = TimeSpan.FromSeconds(1) };

    [Fact]
    public void APeerThatNeverListens_IsNamed_WithItsAddress()
    {
        var listeners = TcpGroupFixture.Listen(2, Short);
        listeners[1].Dispose();
        var end = Assert.Throws<PeerLostException>(() => Connect(TcpGroupFixture.Describe(listeners), 0, listeners[0]));
        Assert.Equal([1], end.SilentPeers);
        Assert.Contains($"127.0.0.1:{listeners[1].Port}", end.Message, StringComparison.Ordinal);
        listeners[0].Dispose();
    }

    [Fact]
    public void APeerThatNeverDials_IsNamed()
    {
        var listeners = TcpGroupFixture.Listen(2, Short);
        var end = Assert.Throws<PeerLostException>(() => Connect(TcpGroupFixture.Describe(listeners), 1, listeners[1]));
        Assert.Equal([0], end.SilentPeers);
        Close(listeners);
    }

    [Fact]
    public void APeerThatTakesTheConnectionAndSaysNothing_IsNamed()
    {
        var listeners = TcpGroupFixture.Listen(1, Short);
        using var mute = new TcpListener(IPAddress.Loopback, 0);
        mute.Start();
        var described = TcpGroupFixture.Describe(listeners, shards: 2);
        var group = described with { Members = described.Members.Add(new GroupMember(1, "mute", "127.0.0.1", ((IPEndPoint)mute.LocalEndpoint).Port, 0)) };
        Assert.Equal([1], Assert.Throws<PeerLostException>(() => Connect(group, 0, listeners[0])).SilentPeers);
        Close(listeners);
    }

    [Fact]
    public void ARankThatLearnsOfTheGroupLater_IsWaitedFor()
    {
        var listeners = TcpGroupFixture.Listen(2);
        var group = TcpGroupFixture.Describe(listeners);
        var late = Stopwatch.StartNew();
        var ranks = TcpGroupFixture.Form(group, (position, cancel) =>
        {
            if (position == 1) SpinWait.SpinUntil(() => late.Elapsed > TimeSpan.FromSeconds(0.7));
            return TcpCollective.Connect(group, position, listeners[position], cancel: cancel);
        });
        CheckAlive(ranks);
        Close(listeners);
    }

    [Fact]
    public void AnotherSecret_IsRefused_AndCounted()
    {
        var listeners = TcpGroupFixture.Listen(2, Short);
        var group = TcpGroupFixture.Describe(listeners);
        var ends = RankThreads.Run(2, position => Connect(position == 0 ? group : group with { Secret = RandomNumberGenerator.GetBytes(32) }, position, listeners[position]));
        Assert.Contains("secret", Assert.IsType<PeerLostException>(ends[0]).Message, StringComparison.Ordinal);
        Assert.IsType<PeerLostException>(ends[1]);
        Assert.True(listeners[1].Refused > 0);
        Close(listeners);
    }

    [Theory]
    [InlineData("bucket plan", "plan-a", "plan-b")]
    [InlineData("shards", "2", "5")]
    [InlineData("world size", "2", "3")]
    public void RanksThatDoNotAgree_AreTold_WithBothValues(string what, string first, string second)
    {
        var listeners = TcpGroupFixture.Listen(2);
        var group = TcpGroupFixture.Describe(listeners);
        var other = what switch
        {
            "bucket plan" => group with { PlanHash = second },
            "shards" => group with { Shards = 5 },
            _ => group with { Members = group.Members.Add(new GroupMember(2, "third", "127.0.0.1", 1, 0)) },
        };
        var ends = RankThreads.Run(2, position => Connect(position == 0 ? group : other, position, listeners[position]));
        foreach (var end in ends)
        {
            var message = Assert.IsType<UserErrorException>(end).Message;
            Assert.Contains(what, message, StringComparison.Ordinal);
            Assert.Contains(first, message, StringComparison.Ordinal);
            Assert.Contains(second, message, StringComparison.Ordinal);
        }
        Close(listeners);
    }

    [Fact]
    public void RanksOfDifferentAttempts_DoNotMeet_AndSayBoth()
    {
        var listeners = TcpGroupFixture.Listen(2, Short);
        var group = TcpGroupFixture.Describe(listeners);
        var ends = RankThreads.Run(2, position => Connect(position == 0 ? group : group with { Attempt = 2 }, position, listeners[position]));
        Assert.Contains("attempt 1 is over: this rank is at attempt 2", Assert.IsType<PeerLostException>(ends[0]).Message, StringComparison.Ordinal);
        Close(listeners);
    }

    [Fact]
    public void GroupsOfOneAttempt_AreFormedOneAfterTheOther_ThroughTheSameListener()
    {
        var listeners = TcpGroupFixture.Listen(3);
        var group = TcpGroupFixture.Describe(listeners);
        var ranks = TcpGroupFixture.Form(group, (position, cancel) =>
        {
            // Nobody waits for the others in between: some dial for the next channel while others still form the first.
            TcpCollective Channel(string name) => TcpCollective.Connect(group with { Trial = $"trial-7/{name}" }, position, listeners[position], cancel: cancel);
            return (TcpCollective[])[Channel("gradients"), Channel("batch-norm"), Channel("state")];
        });
        for (var channel = 0; channel < 3; channel++) CheckAlive([.. ranks.Select(own => own[channel])]);
        Close(listeners);
    }

    [Fact]
    public void StrangersAtTheDoor_AreRefusedAndCounted_AndTheGroupForms()
    {
        var log = new System.Collections.Concurrent.ConcurrentQueue<string>();
        using var first = new GroupListener(IPAddress.Loopback);
        using var second = new GroupListener(IPAddress.Loopback, timeouts: GroupTimeouts.Default with { Handshake = TimeSpan.FromSeconds(1) }, log: log.Enqueue);
        byte[][] strangers =
        [
            Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\n\r\n"),
            [.. "VLYC"u8, 99, 0, 0, 0],
            [.. "VLYC"u8, Handshake.Version, 0, 0, 0, 255, 255, 255, 127],
            [.. "VLYC"u8, Handshake.Version, 0, 0, 0, 8, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8],
            [],
        ];
        var knocking = strangers.Select(words =>
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Connect(second.EndPoint);
            socket.Send(words);
            return socket;
        }).ToArray();
        var group = TcpGroupFixture.Describe([first, second]);
        CheckAlive(TcpGroupFixture.Form(group, (position, cancel) => TcpCollective.Connect(group, position, position == 0 ? first : second, cancel: cancel)));
        Assert.True(SpinWait.SpinUntil(() => second.Refused == strangers.Length, TimeSpan.FromSeconds(5)), $"{second.Refused} of {strangers.Length} were refused.");
        Assert.Contains(log, line => line.Contains("version 99", StringComparison.Ordinal) && line.Contains($"speaks {Handshake.Version}", StringComparison.Ordinal));
        foreach (var socket in knocking) socket.Dispose();
    }

    [Fact]
    public void ALaterAttempt_UsesTheSameListeners_AndAStragglerOfTheOldOneIsRefused()
    {
        var listeners = TcpGroupFixture.Listen(2);
        var old = TcpGroupFixture.Describe(listeners);
        foreach (var rank in TcpGroupFixture.Form(old, (position, cancel) => TcpCollective.Connect(old, position, listeners[position], cancel: cancel))) rank.Dispose();
        var group = TcpGroupFixture.Describe(listeners, attempt: 2);
        var ranks = TcpGroupFixture.Form(group, (position, cancel) => TcpCollective.Connect(group, position, listeners[position], cancel: cancel));
        using var straggler = new GroupListener(IPAddress.Loopback);
        Assert.Throws<PeerLostException>(() => TcpCollective.Connect(old, 0, straggler, Short, cancel: TestContext.Current.CancellationToken));
        Assert.True(listeners[1].Refused > 0);
        CheckAlive(ranks);
        Close(listeners);
    }

    [Fact]
    public void AGroupDescribedAnew_IsFormed_AfterTheFirstTryIsCancelled()
    {
        var listeners = TcpGroupFixture.Listen(2);
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        cancel.CancelAfter(TimeSpan.FromMilliseconds(300));
        var first = TcpGroupFixture.Describe(listeners);
        Assert.Throws<OperationCanceledException>(() => TcpCollective.Connect(first, 0, listeners[0], cancel: cancel.Token));
        var again = TcpGroupFixture.Describe(listeners);
        CheckAlive(TcpGroupFixture.Form(again, (position, stop) => TcpCollective.Connect(again, position, listeners[position], cancel: stop)));
        Close(listeners);
    }

    [Fact]
    public void AnAddressOfAnotherMachine_OrATakenPort_IsAClearError()
    {
        using var taken = new GroupListener(IPAddress.Loopback);
        Assert.Contains(taken.EndPoint.ToString(), Assert.Throws<UserErrorException>(() => new GroupListener(IPAddress.Loopback, taken.Port)).Message, StringComparison.Ordinal);
        Assert.Contains("192.0.2.1", Assert.Throws<UserErrorException>(() => new GroupListener(IPAddress.Parse("192.0.2.1"))).Message, StringComparison.Ordinal);
    }

    private static void Connect(GroupDescription group, int position, GroupListener listener) =>
        TcpCollective.Connect(group, position, listener, Short, cancel: TestContext.Current.CancellationToken).Dispose();

    private static void CheckAlive(TcpCollective[] ranks)
    {
        RankThreads.RunAll(ranks, rank => rank.Barrier(Name).Wait());
        foreach (var rank in ranks) rank.Dispose();
    }

    private static void Close(GroupListener[] listeners)
    {
        foreach (var listener in listeners) listener.Dispose();
    }
}
