using System.Net.Sockets;
using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;
using Volley.GpuNode.Link;
using Volley.GpuNode.Link.Wire;
using Volley.GpuNode.Tests.Agent;
using Volley.Shared;

namespace Volley.GpuNode.Tests.Link;

public sealed class RankLinkTests : IAsyncLifetime
{
    private static readonly LinkTimeouts Timeouts = new() { Hello = TimeSpan.FromSeconds(3), Goodbye = TimeSpan.FromSeconds(5) };

    private readonly ShortDirectory _directory = new();
    private RankLinkServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await RankLinkServer.StartAsync(_directory.Socket, Timeouts, NullLoggerFactory.Instance);

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public async Task ARankWithSecretAndPid_GetsItsTrial_AndItsWordsArriveInOrder()
    {
        var session = Expect(Environment.ProcessId);
        var connecting = ConnectAsync(session);
        await session.Attached;
        session.Post(new ToRank { Start = new StartTrial { SpecJson = "{}" } });
        await using var link = await connecting;
        Assert.Equal("{}", link.Start.SpecJson);

        session.Post(new ToRank { Stop = new Stop() });
        await link.StopRequested.AsTask();
        link.Post(new FromRank { Progress = new Progress { Step = 1 } });
        link.Post(new FromRank { Checkpoint = new CheckpointWritten { Step = 1 } });
        await link.EndAsync(new Ended { End = End.Stopped });
        var heard = await session.Incoming.ReadAllAsync(TestContext.Current.CancellationToken).ToListAsync(TestContext.Current.CancellationToken);
        Assert.Equal(
            [FromRank.MessageOneofCase.Progress, FromRank.MessageOneofCase.Checkpoint, FromRank.MessageOneofCase.Ended],
            heard.Select(message => message.MessageCase).Where(kind => kind != FromRank.MessageOneofCase.Heartbeat));
    }

    [Fact]
    public async Task AWrongSecret_IsRefused_AndCounted()
    {
        var session = Expect(Environment.ProcessId);
        var hello = HelloOf(session);
        hello.Secret = ByteString.CopyFrom(new byte[RankSession.SecretBytes]);
        Assert.Contains("wrong secret", await RefusalAsync(hello));
        Assert.Equal(1, _server.Refused);
        Assert.False(session.Attached.IsCompleted);
    }

    [Fact]
    public async Task AnotherProcessThanTheSpawnedOne_IsRefused()
    {
        var session = Expect(pid: 1);
        Assert.Contains("is process 1", await RefusalAsync(HelloOf(session)));
    }

    [Fact]
    public async Task ARankThatNobodyExpects_IsRefused()
    {
        var session = new RankSession(Samples.Key(attempt: 9));
        Assert.Contains("not expected", await RefusalAsync(HelloOf(session)));
    }

    [Fact]
    public async Task AnotherProtocol_IsRefusedWithBothVersions()
    {
        var hello = HelloOf(Expect(Environment.ProcessId));
        hello.Protocol = 99;
        Assert.Contains($"protocol 99; this agent speaks {RankLinkService.Protocol}", await RefusalAsync(hello));
    }

    [Fact]
    public async Task ASecondConnectionOfTheSameRank_IsRefused()
    {
        var session = Expect(Environment.ProcessId);
        session.Post(new ToRank { Start = new StartTrial() });
        await using var first = await ConnectAsync(session);
        Assert.Contains("attached already", await RefusalAsync(HelloOf(session)));
    }

    [Fact]
    public async Task ARankWhoseListenerIsNotItsAgent_DoesNotSayItsSecret()
    {
        var session = Expect(Environment.ProcessId);
        var error = await Assert.ThrowsAsync<UserErrorException>(() => RankLinkClient.ConnectAsync(_directory.Socket, agentPid: 1, HelloOf(session), Timeouts));
        Assert.Contains("not the agent (1)", error.Message);
        Assert.False(session.Attached.IsCompleted);   // it never got so far
    }

    [Theory]
    [InlineData("", 4096)]
    [InlineData("", 100 << 20)]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 100 << 20)]   // what a client of HTTP/2 begins with
    public async Task Garbage_EndsThatConnection_AndNoOther_AndIsCounted(string beginning, int bytes)
    {
        using (var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(_directory.Socket), TestContext.Current.CancellationToken);
            var rubbish = Enumerable.Repeat((byte)'x', 1 << 16).ToArray();
            try
            {
                await socket.SendAsync(System.Text.Encoding.ASCII.GetBytes(beginning), TestContext.Current.CancellationToken);
                for (var sent = 0; sent < bytes; sent += rubbish.Length)
                    await socket.SendAsync(rubbish.AsMemory(0, Math.Min(rubbish.Length, bytes - sent)), TestContext.Current.CancellationToken);
                while (await socket.ReceiveAsync(rubbish, TestContext.Current.CancellationToken) > 0) { }
            }
            catch (SocketException)
            {
                // Reset instead of closed: over as well.
            }
        }
        await UntilAsync(() => _server.Refused == 1);
        var session = Expect(Environment.ProcessId);
        session.Post(new ToRank { Start = new StartTrial() });
        await using var link = await ConnectAsync(session);
        Assert.False(link.Closed.IsCancellationRequested);
    }

    [Fact]
    public async Task AHelloOfAHundredMegabytes_IsRefused_AndCounted()
    {
        var hello = HelloOf(Expect(Environment.ProcessId));
        hello.Sweep = new string('x', 100 << 20);
        await RefusalAsync(hello);
        Assert.Equal(1, _server.Refused);
    }

    [Fact]
    public async Task OrdersAboutTheGroup_ArriveInOrder_AndEndWithTheConversation()
    {
        var session = Expect(Environment.ProcessId);
        session.Post(new ToRank { Start = new StartTrial() });
        session.Post(new ToRank { JoinAttempt = new JoinAttempt { Attempt = 2 } });
        session.Post(new ToRank { FormGroup = new FormGroup { Attempt = 2 } });
        await using var link = await ConnectAsync(session);
        Assert.Equal(2, (await link.GroupOrders.ReadAsync(TestContext.Current.CancellationToken)).JoinAttempt.Attempt);
        Assert.Equal(2, (await link.GroupOrders.ReadAsync(TestContext.Current.CancellationToken)).FormGroup.Attempt);
        await _server.DisposeAsync();
        await link.GroupOrders.Completion.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task WhenTheAgentCloses_TheRankLearnsIt()
    {
        var session = Expect(Environment.ProcessId);
        session.Post(new ToRank { Start = new StartTrial() });
        await using var link = await ConnectAsync(session);
        await _server.DisposeAsync();
        await link.Closed.AsTask();
    }

    [Fact]
    public async Task WhenTheRankClosesMidway_TheSessionEnds_WithWhatItSaid()
    {
        var session = Expect(Environment.ProcessId);
        session.Post(new ToRank { Start = new StartTrial() });
        var link = await ConnectAsync(session);
        link.Post(new FromRank { Checkpoint = new CheckpointWritten { Step = 3 } });
        Assert.True(await session.Incoming.WaitToReadAsync(TestContext.Current.CancellationToken));
        await link.DisposeAsync();
        var heard = await session.Incoming.ReadAllAsync(TestContext.Current.CancellationToken).ToListAsync(TestContext.Current.CancellationToken);
        Assert.Equal(3, Assert.Single(heard, message => message.Checkpoint is not null).Checkpoint.Step);
        Assert.DoesNotContain(heard, message => message.Ended is not null);
    }

    private static async Task UntilAsync(Func<bool> holds)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        deadline.CancelAfter(TimeSpan.FromSeconds(10));
        using var ticks = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        while (!holds()) await ticks.WaitForNextTickAsync(deadline.Token);
    }

    private RankSession Expect(int pid)
    {
        var session = _server.Expect(Samples.Key());
        session.SpawnedAs(pid);
        return session;
    }

    private Task<RankLinkClient> ConnectAsync(RankSession session) =>
        RankLinkClient.ConnectAsync(_directory.Socket, Environment.ProcessId, HelloOf(session), Timeouts);

    private async Task<string> RefusalAsync(Hello hello) =>
        (await Assert.ThrowsAsync<UserErrorException>(() => RankLinkClient.ConnectAsync(_directory.Socket, Environment.ProcessId, hello, Timeouts))).Message;

    private static Hello HelloOf(RankSession session) => new()
    {
        Protocol = RankLinkService.Protocol,
        Sweep = session.Key.Trial.Sweep.Value,
        Trial = session.Key.Trial.Number,
        Attempt = session.Key.Attempt,
        Rank = session.Key.Rank,
        Secret = ByteString.CopyFrom(Convert.FromHexString(session.SecretHex)),
    };
}

internal static class TokenExtensions
{
    /// <summary>Completes when the token is cancelled; fails after 10 s.</summary>
    public static Task AsTask(this CancellationToken token)
    {
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        token.Register(() => cancelled.TrySetResult());
        return cancelled.Task.WaitAsync(TimeSpan.FromSeconds(10), CancellationToken.None);
    }
}
