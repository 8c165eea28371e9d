using System.Net.Sockets;
using System.Threading.Channels;
using Grpc.Core;
using Grpc.Net.Client;
using Volley.GpuNode.Link.Wire;
using Volley.Shared;

namespace Volley.GpuNode.Link;

/// <summary>The rank's end of the conversation with its agent.</summary>
internal sealed class RankLinkClient : IAsyncDisposable
{
    private readonly GrpcChannel _channel;
    private readonly AsyncDuplexStreamingCall<FromRank, ToRank> _call;
    private readonly Outbox _outbox = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _closed = new();
    private readonly Channel<ToRank> _groupOrders = Channel.CreateUnbounded<ToRank>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });
    private readonly Timer _heartbeat;
    private readonly LinkTimeouts _timeouts;
    private readonly Task _sending;
    private readonly Task _receiving;

    private RankLinkClient(GrpcChannel channel, AsyncDuplexStreamingCall<FromRank, ToRank> call, StartTrial start, int attempt, LinkTimeouts timeouts)
    {
        (_channel, _call, Start, Attempt, _timeouts) = (channel, call, start, attempt, timeouts);
        _sending = Task.Run(SendAsync);
        _receiving = Task.Run(ReceiveAsync);
        var period = start.HeartbeatMs > 0 ? TimeSpan.FromMilliseconds(start.HeartbeatMs) : timeouts.Heartbeat;
        _heartbeat = new Timer(_ => _outbox.Add(new FromRank { Heartbeat = new Heartbeat() }), null, period, period);
    }

    public StartTrial Start { get; }

    /// <summary>The one that this process was started for.</summary>
    public int Attempt { get; }

    /// <summary>The agent wants this rank to stop at its next step boundary.</summary>
    public CancellationToken StopRequested => _stop.Token;

    /// <summary>JoinAttempt and FormGroup in the order in which the agent said them; ends when the connection does.</summary>
    public ChannelReader<ToRank> GroupOrders => _groupOrders.Reader;

    /// <summary>The agent is gone, or has closed the conversation: nobody reads what this rank writes.</summary>
    public CancellationToken Closed => _closed.Token;

    /// <param name="agentPid">Who must be listening; null: not checked.</param>
    /// <exception cref="UserErrorException">Nobody listens there, it is somebody else, or it refused this rank.</exception>
    public static async Task<RankLinkClient> ConnectAsync(string path, int? agentPid, Hello hello, LinkTimeouts timeouts)
    {
        var channel = GrpcChannel.ForAddress("http://rank", new GrpcChannelOptions
        {
            HttpHandler = new SocketsHttpHandler
            {
                ConnectCallback = (_, stop) => DialAsync(path, agentPid, stop),
                PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan,
            },
            DisposeHttpClient = true,
        });
        var call = new RankLink.RankLinkClient(channel).Attach();
        try
        {
            using var deadline = new CancellationTokenSource(timeouts.Hello);
            await call.RequestStream.WriteAsync(new FromRank { Hello = hello }, deadline.Token);
            if (await call.ResponseStream.MoveNext(deadline.Token) && call.ResponseStream.Current.Start is { } start)
                return new RankLinkClient(channel, call, start, hello.Attempt, timeouts);
            throw new UserErrorException($"The agent at {path} did not begin with StartTrial: it is another version of Volley.");
        }
        catch (Exception error) when (error is RpcException or OperationCanceledException)
        {
            call.Dispose();
            channel.Dispose();
            var reason = error is RpcException { Status: var status } ? status.Detail : $"no answer within {timeouts.Hello.TotalSeconds} s";
            throw new UserErrorException($"This rank could not attach to the agent at {path}: {reason}. A rank is started by an agent (volley join), not by hand.", error);
        }
    }

    /// <summary>Returns at once; order is kept. Of several progress messages that wait, the newest is sent.</summary>
    public void Post(FromRank message) => _outbox.Add(message);

    /// <summary>Says how the rank ended and waits until the agent has everything.</summary>
    public async Task EndAsync(Ended ended)
    {
        _outbox.Add(new FromRank { Ended = ended });
        _outbox.Complete();
        await Task.WhenAll(_sending, _receiving).WaitAsync(_timeouts.Goodbye);
    }

    public async ValueTask DisposeAsync()
    {
        await _heartbeat.DisposeAsync();
        _outbox.Complete();
        _call.Dispose();
        _channel.Dispose();
        await Task.WhenAll(_sending, _receiving);
        _outbox.Dispose();
        _stop.Dispose();
        _closed.Dispose();
    }

    private async Task SendAsync()
    {
        try
        {
            while (await _outbox.TakeAsync() is { } message) await _call.RequestStream.WriteAsync(message);
            await _call.RequestStream.CompleteAsync();
        }
        catch (Exception error) when (error is RpcException or InvalidOperationException or IOException or ObjectDisposedException)
        {
            await _closed.CancelAsync();   // the call is over: ReceiveAsync sees the same
        }
    }

    private async Task ReceiveAsync()
    {
        try
        {
            while (await _call.ResponseStream.MoveNext(CancellationToken.None))
            {
                switch (_call.ResponseStream.Current)
                {
                    case { MessageCase: ToRank.MessageOneofCase.Stop }: await _stop.CancelAsync(); break;
                    case { MessageCase: ToRank.MessageOneofCase.JoinAttempt or ToRank.MessageOneofCase.FormGroup } order: _groupOrders.Writer.TryWrite(order); break;
                }
            }
        }
        catch (Exception error) when (error is RpcException or IOException or ObjectDisposedException)
        {
            // The agent is gone; what to do about it is the rank's decision.
        }
        _groupOrders.Writer.TryComplete();
        await _closed.CancelAsync();
    }

    private static async ValueTask<Stream> DialAsync(string path, int? agentPid, CancellationToken stop)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), stop);
            if (agentPid is { } expected && PeerCredentials.Of(socket).Pid is var found && found != expected)
                throw new IOException($"process {found} listens there, not the agent ({expected})");
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
