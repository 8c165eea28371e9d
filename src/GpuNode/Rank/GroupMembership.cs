using System.Collections.Immutable;
using System.Net;
using System.Threading.Channels;
using Volley.GpuNode.Checkpointing;
using Volley.GpuNode.Collectives;
using Volley.GpuNode.Collectives.Transport;
using Volley.GpuNode.Link.Wire;
using Volley.GpuNode.Training.Groups;
using GroupMember = Volley.GpuNode.Collectives.GroupMember;
using Volley.Shared.Failpoints;

namespace Volley.GpuNode.Rank;

/// <summary>Connects the ranks of a group that has at least two.</summary>
internal delegate ICollective ConnectGroup(GroupDescription group, int position, GroupListener listener, CancellationToken cancel);

/// <param name="Trial">For messages and handshakes.</param>
/// <param name="Rank">Its number in the trial.</param>
/// <param name="Attempt">The one that this process was started for.</param>
/// <param name="Host">An address of this machine that the others dial.</param>
/// <param name="CheckpointRoot">Of the paths in JoinAttempt.</param>
internal sealed record RankSeat(string Trial, int Rank, int Attempt, int Shards, IPAddress Host, string CheckpointRoot);

/// <summary>A rank's place in the groups of its trial: carries out what <see cref="GroupLife"/> decides, over the link to the agent.</summary>
/// <remarks>The port is opened once and serves every attempt. One thread forms groups; orders arrive on another.</remarks>
internal sealed class GroupMembership : ITrialRanks, IDisposable
{
    private readonly object _gate = new();   // Monitor's wait and pulse
    private readonly RankSeat _seat;
    private readonly Action<FromRank> _post;
    private readonly ConnectGroup _connect;
    private readonly Action<string> _log;
    private readonly GroupListener _listener;
    private GroupLife _life;
    private CancellationTokenSource? _connecting;
    private int _groupAttempt;
    private ImmutableArray<GroupMember> _members = [];
    private bool _isClosed;

    /// <param name="orders">JoinAttempt and FormGroup.</param>
    /// <exception cref="Shared.UserErrorException">The port cannot be opened.</exception>
    public GroupMembership(RankSeat seat, ChannelReader<ToRank> orders, Action<FromRank> post, ConnectGroup connect, Action<string> log)
    {
        (_seat, _post, _connect, _log, _life) = (seat, post, connect, log, new GroupLife(seat.Attempt));
        _listener = new GroupListener(seat.Host, log: log);
        _ = Task.Run(() => ListenAsync(orders));
    }

    public int Attempt
    {
        get { lock (_gate) return _life.Attempt; }
    }

    public bool IsNewerWanted
    {
        get { lock (_gate) return _life.Attempt > _groupAttempt; }
    }

    public RankGroup? Form(long step, string planHash, CancellationToken stop)
    {
        using var wake = stop.Register(() => { lock (_gate) Monitor.PulseAll(_gate); });
        lock (_gate) _life = _life.Over(_groupAttempt);   // the group before, where this rank has left it
        while (NextTask(stop) is { } task)
        {
            if (task == GroupTask.Announce) Announce(step);
            else if (Connect(planHash, stop) is { } group) return group;
        }
        return null;
    }

    public void Lost(PeerLostException lost, long step)
    {
        int attempt;
        ImmutableArray<GroupMember> members;
        lock (_gate) (attempt, members, _life) = (_groupAttempt, _members, _life.Over(_groupAttempt));
        var message = new Link.Wire.PeerLost { Attempt = attempt, Step = step, Reason = lost.Message };
        message.Lost.AddRange(lost.SilentPeers.Where(position => position < members.Length).Select(position => members[position].Rank));
        _post(new FromRank { PeerLost = message, Attempt = attempt });
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _isClosed = true;
            Monitor.PulseAll(_gate);
        }
        _listener.Dispose();
    }

    /// <summary>Blocks until there is something to do.</summary>
    /// <returns>null: told to stop.</returns>
    private GroupTask? NextTask(CancellationToken stop)
    {
        lock (_gate)
        {
            while (!stop.IsCancellationRequested && !_isClosed)
            {
                if (_life.Next is GroupTask.Announce or GroupTask.Connect) return _life.Next;
                Monitor.Wait(_gate);
            }
            return null;
        }
    }

    private void Announce(long step)
    {
        GroupReady ready;
        lock (_gate)
        {
            ready = new GroupReady { Attempt = _life.Attempt, Host = _listener.Host, Port = _listener.Port, Step = step };
            _life = _life.Announced();
        }
        _post(new FromRank { GroupReady = ready, Attempt = ready.Attempt });
    }

    /// <returns>null: something newer was asked for meanwhile.</returns>
    private RankGroup? Connect(string planHash, CancellationToken stop)
    {
        FormGroup form;
        CancellationTokenSource cancel;
        ImmutableArray<CheckpointToResume>? resume;
        lock (_gate)
        {
            if (_life.Next != GroupTask.Connect) return null;
            form = _life.Form!;
            resume = _life.ResumeFrom;
            _life = _life.Connecting();
            _connecting = cancel = CancellationTokenSource.CreateLinkedTokenSource(stop);
            _groupAttempt = form.Attempt;
            _members = [.. form.Members.Select(member => new GroupMember(member.Rank, member.Machine, member.Host, member.Port, member.Step))];
        }
        try
        {
            Failpoint.Hit(FailpointNames.RankGroupForming);
            var group = new GroupDescription(_seat.Trial, form.Attempt, _members, _seat.Shards, planHash, form.Secret.Memory);
            var position = group.PositionOf(_seat.Rank);
            var collective = group.WorldSize == 1 ? null : _connect(group, position, _listener, cancel.Token);
            lock (_gate)
            {
                _life = _life.Connected(form);
                if (!_life.IsConnected)
                {
                    collective?.Dispose();   // in this moment another group was asked for
                    return null;
                }
            }
            _log($"attempt {group.Attempt}: rank {_seat.Rank} is {position + 1} of {group.WorldSize} ranks, {collective?.Transport ?? "alone"}.");
            return new RankGroup(group.Attempt, position, _members, collective)
            {
                ResumeFrom = resume is { } sources ? [.. sources.Select(source => new ResumeSource(Path.Combine(_seat.CheckpointRoot, source.RelativePath), source.ManifestSha256))] : null,
            };
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            return null;
        }
        finally
        {
            lock (_gate) _connecting = null;
            cancel.Dispose();
        }
    }

    private async Task ListenAsync(ChannelReader<ToRank> orders)
    {
        await foreach (var order in orders.ReadAllAsync())
        {
            lock (_gate)
            {
                _life = order.MessageCase == ToRank.MessageOneofCase.JoinAttempt ? _life.Hear(order.JoinAttempt) : _life.Hear(order.FormGroup);
                if (_life.Next != GroupTask.Carry) _connecting?.Cancel();
                Monitor.PulseAll(_gate);
            }
        }
        // The agent is gone: RankLife ends the process.
    }
}
