using System.Collections.Concurrent;
using Grpc.Core;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;
using Volley.GpuNode.Link.Wire;
using Volley.Shared.Identifiers;

namespace Volley.GpuNode.Link;

/// <summary>Checks who dials, then carries messages between the connection and its <see cref="RankSession"/>.</summary>
internal sealed class RankLinkService(LinkTimeouts timeouts, ILogger<RankLinkService> log) : RankLink.RankLinkBase
{
    /// <summary>Changes with the meaning of the contract.</summary>
    public const int Protocol = 2;

    private readonly ConcurrentDictionary<RankKey, RankSession> _sessions = new();
    private long _refused;

    /// <summary>Connections that did not prove to be an expected rank.</summary>
    public long Refused => Interlocked.Read(ref _refused);

    public RankSession Expect(RankKey key)
    {
        var session = new RankSession(key);
        return _sessions.TryAdd(key, session) ? session : throw new InvalidOperationException($"{key} is expected already.");
    }

    public void Forget(RankSession session)
    {
        session.Close();
        _sessions.TryRemove(new(session.Key, session));
    }

    public override async Task Attach(IAsyncStreamReader<FromRank> requestStream, IServerStreamWriter<ToRank> responseStream, ServerCallContext context)
    {
        var session = await AuthenticateAsync(requestStream, context);
        session.SetAttached();
        try
        {
            var sending = SendAsync(session, responseStream, context.CancellationToken);
            while (await requestStream.MoveNext(context.CancellationToken)) session.Deliver(requestStream.Current);
            session.Close();   // the rank has said everything: so has this end
            await sending;
        }
        catch (Exception error) when (error is IOException or OperationCanceledException or RpcException or ConnectionAbortedException)
        {
            log.LogDebug("{Rank}: the connection ended: {Reason}", session.Key, error.Message);
        }
        finally
        {
            session.Close();
        }
    }

    private static async Task SendAsync(RankSession session, IServerStreamWriter<ToRank> stream, CancellationToken stop)
    {
        await foreach (var message in session.Outgoing.ReadAllAsync(stop)) await stream.WriteAsync(message, stop);
    }

    private async Task<RankSession> AuthenticateAsync(IAsyncStreamReader<FromRank> requests, ServerCallContext context)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken);
        deadline.CancelAfter(timeouts.Hello);
        var connection = context.GetHttpContext().Features.GetRequiredFeature<PeerFeature>();
        connection.HasCalled = true;
        var peer = connection.Peer;
        try
        {
            if (!await requests.MoveNext(deadline.Token) || requests.Current.Hello is not { } hello) throw Refusal(peer, "the first message was not Hello");
            if (hello.Protocol != Protocol) throw Refusal(peer, $"protocol {hello.Protocol}; this agent speaks {Protocol}");
            var key = new RankKey(new TrialId(new SweepId(hello.Sweep), hello.Trial), hello.Attempt, hello.Rank);
            if (!_sessions.TryGetValue(key, out var session)) throw Refusal(peer, $"{key} is not expected");
            if (!session.IsSecret(hello.Secret.Span)) throw Refusal(peer, $"{key}: wrong secret");
            if (await session.PidAsync(deadline.Token) is var pid && pid != peer.Pid) throw Refusal(peer, $"{key} is process {pid}");
            if (!session.TryTake()) throw Refusal(peer, $"{key} is attached already");
            return session;
        }
        catch (OperationCanceledException) when (!context.CancellationToken.IsCancellationRequested)
        {
            throw Refusal(peer, $"no Hello within {timeouts.Hello.TotalSeconds} s");
        }
        catch (RpcException error) when (error.StatusCode != StatusCode.PermissionDenied)
        {
            throw Refusal(peer, $"its first message cannot be read: {error.Status.Detail}");
        }
    }

    /// <summary>A connection that never began a call: rubbish, or silence.</summary>
    public void CountStranger(PeerCredentials peer)
    {
        Interlocked.Increment(ref _refused);
        log.LogWarning("A connection of process {Pid} was refused: it did not speak as a rank does", peer.Pid);
    }

    private RpcException Refusal(PeerCredentials peer, string reason)
    {
        Interlocked.Increment(ref _refused);
        log.LogWarning("A connection of process {Pid} was refused: {Reason}", peer.Pid, reason);
        return new RpcException(new Status(StatusCode.PermissionDenied, $"refused: {reason}"));
    }
}

/// <summary>Set on each connection when it is accepted.</summary>
internal sealed class PeerFeature(PeerCredentials peer)
{
    public PeerCredentials Peer => peer;

    /// <summary>It has begun a call: what becomes of that is counted there.</summary>
    public bool HasCalled { get; set; }
}
