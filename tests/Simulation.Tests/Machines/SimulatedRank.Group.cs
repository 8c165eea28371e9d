using Volley.GpuNode.Agent;
using Volley.Shared.Messages;

namespace Volley.Simulation.Tests.Machines;

/// <summary>What a rank of a group does besides: listen, form, wait for the next attempt with what it has in memory.</summary>
internal sealed partial class SimulatedRank
{
    private static readonly TimeSpan FormPatience = TimeSpan.FromSeconds(10);

    private bool _hasState;
    private bool _isListening;
    private int _port;
    private FormGroup? _form;
    private SimulatedGroup? _group;

    public Machine Machine => agent.Machine;

    /// <summary>Completed steps in memory; −1: nothing yet.</summary>
    public long StepInMemory => _hasState ? _step : -1;

    public bool IsStopWanted => _isStopWanted;

    public bool IsDone => Epoch == _spec.Train.Epochs;

    public bool IsInGroup => _group is not null;

    /// <summary>The agent says which attempt it is in now; the process hears of it when it runs.</summary>
    public void Join(StartRank later)
    {
        _start = later;
        cluster.Watch.Count("ranks that joined a later attempt");
        After(0.005, 0.1, () =>
        {
            _group?.Leave(this);
            _group = null;
            Listen();
        });
    }

    public void FormGroup(FormGroup form) => After(0.005, 0.1, () =>
    {
        if (!_isListening || form.Attempt != _start.Attempt || !form.Members.Any(member => member.Rank == _start.Rank && member.Port == _port)) return;
        _form = form;
        var deadline = cluster.Time.Now + FormPatience;
        Connect();

        void Connect()
        {
            if (_form != form || !_isListening) return;
            var peers = form.Members.Select(member => cluster.Machines.SelectMany(machine => machine.Agent?.Ranks ?? []).FirstOrDefault(rank => rank.Key.Trial == Key.Trial && rank._port == member.Port)).ToList();
            if (peers.TrueForAll(peer => peer is { IsStopped: false, _isListening: true } && peer.Key.Attempt == form.Attempt && peer._form is { } theirs && theirs.Secret.Equals(form.Secret) && !SimulatedGroup.AreApart(this, peer)))
            {
                Begin([.. peers.Select(peer => peer!)], form);
                return;
            }
            if (cluster.Time.Now > deadline) GiveUp([.. form.Members.Zip(peers, (member, peer) => (member.Rank, Peer: peer)).Where(pair => pair.Peer is null || pair.Peer.IsStopped || SimulatedGroup.AreApart(this, pair.Peer)).Select(pair => pair.Rank)], "the group did not form");
            else After(0.3, 0.5, Connect);
        }
    });

    /// <summary>The step under way is dropped; everything else is kept.</summary>
    public void OnPeerLost(SimulatedGroup group, IReadOnlyList<int> lost) => Run(() =>
    {
        if (_group != group) return;
        _group = null;
        GiveUp(lost, "its peer is gone");
    });

    /// <param name="speaks">Its position is 0.</param>
    public void TakeStep(bool speaks, long startStep)
    {
        _step++;
        _weights = Training.Step(_spec, _weights, _step);
        agent.Take(new AgentInput.Progressed(new ProgressReport(_start.Trial, _start.Attempt, _start.Rank, Epoch, _spec.Train.Epochs, _step, 0, 0.5, 50, startStep)));
        if (_step % Training.StepsPerEpoch != 0) return;
        agent.Take(new AgentInput.EpochDone(Key, Training.Epoch(_weights, Epoch)));
        if (speaks) Save(static () => { });
    }

    public void FinishInGroup(bool speaks)
    {
        _group = null;
        WhenSaved(() => LastWords(new RankExit(RankEnd.Finished, speaks ? Training.Outcome(_weights, Epoch) : null, "", false, [])));
    }

    public void StopInGroup(bool saves)
    {
        _group = null;
        if (saves && _step > 0) Save(Ended);
        else Ended();

        void Ended() => WhenSaved(() => LastWords(new RankExit(RankEnd.Stopped, null, "", false, [])));
    }

    private void Listen()
    {
        if (_isStopWanted)
        {
            StopInGroup(_hasState);
            return;
        }
        (_isListening, _form, _port) = (true, null, cluster.NextPid());
        agent.Take(new AgentInput.GroupReady(Key, new GroupAddress(_start.Rank, "", "", _port, StepInMemory)));
    }

    private void GiveUp(IReadOnlyList<int> lost, string reason)
    {
        (_isListening, _form) = (false, null);
        if (_isStopWanted) StopInGroup(_hasState);
        else agent.Take(new AgentInput.PeerLost(Key, [.. lost], StepInMemory, reason));
    }

    /// <summary>Nobody takes steps with it: there is no boundary to wait for. It alone may have what the group has done.</summary>
    private void StopIfAlone()
    {
        if (_group is not null || _port == 0) return;
        _isListening = false;
        StopInGroup(_hasState);
    }

    /// <summary>All take what the most advanced one has; where nobody has anything, the newest checkpoint.</summary>
    private static void Begin(IReadOnlyList<SimulatedRank> members, FormGroup form)
    {
        var source = members.OrderByDescending(member => member.StepInMemory).First();
        if (!source._hasState) source.Load();
        foreach (var member in members)
            (member._step, member._weights, member._hasState, member._isListening, member._form) = (source._step, source._weights, true, false, null);
        var group = members[0].NewGroup(members);
        foreach (var member in members) member._group = group;
        group.Begin(form, source._step);
    }

    private SimulatedGroup NewGroup(IReadOnlyList<SimulatedRank> members) => new(cluster, members);
}
