using Volley.GpuNode.Agent;
using Volley.GpuNode.Link;
using Volley.Shared.Config;
using Volley.Shared.Messages;
using Volley.Simulation.Tests.World;

namespace Volley.Simulation.Tests.Machines;

/// <summary>A rank's process: steps, an epoch's report and checkpoint at its end, a checkpoint at a stop, last words. It dies with its agent.</summary>
internal sealed partial class SimulatedRank(Cluster cluster, SimulatedAgent agent, StartRank born, IReadOnlyList<int> slots) : SimulatedProcess(cluster.Time)
{
    private StartRank _start = born;

    private readonly TrialSpec _spec = Training.Parse(born.SpecJson);
    private Luck _luck = new(cluster.Seed, $"{agent.Machine.Id} {agent.Life} {born.Trial} {born.Attempt} {born.Rank}");
    private ulong _weights;
    private long _step;
    private bool _isStopWanted;
    private int _saving;

    public RankKey Key => new(_start.Trial, _start.Attempt, _start.Rank);

    public IReadOnlyList<int> Slots => slots;

    public int Pid { get; } = cluster.NextPid();

    private int Epoch => (int)(_step / Training.StepsPerEpoch);

    public void Launch() => After(0.05, 0.4, () =>
    {
        agent.Take(new AgentInput.Started(Key, Pid));
        After(0.05, 0.4, IsGroup ? Listen : Resume);
    });

    private bool IsGroup => _spec.Resources.Ranks > 1;

    /// <summary>The agent asks, or insists.</summary>
    public void End(StopMode mode)
    {
        if (mode == StopMode.Graceful)
        {
            if (_isStopWanted) return;
            _isStopWanted = true;
            if (IsGroup) Run(StopIfAlone);
            cluster.Time.After(TimeSpan.FromSeconds(15), () => Die("it did not stop in time"));
            return;
        }
        // A process in the kernel's hands may take its time to die.
        cluster.Time.After(_luck.NextBetween(0, 0.3), () => Die("killed as asked"));
    }

    /// <summary>SIGKILL by anybody: its agent sees the exit.</summary>
    public void Die(string why)
    {
        if (IsDead) return;
        Kill();
        agent.Take(new AgentInput.Exited(Key, new RankExit(RankEnd.Lost, null, why, false, [])));
    }

    /// <summary>The trial's own fault: an exception in the middle of a step.</summary>
    public void Fail(string error) => Run(() => LastWords(new RankExit(RankEnd.Failed, null, error, false, [error])));

    protected override void OnKilled() => agent.Forget(this);

    private void Resume()
    {
        Load();
        Train();
    }

    private void Load()
    {
        var found = _start.ResumeFrom.Select(checkpoint => cluster.Files.Get(cluster, agent.Machine, _start.CheckpointRoot, checkpoint)).FirstOrDefault(file => file is not null);
        if (found is not null && !_start.CheckpointRoot.StartsWith('/'))
            agent.Say(new CheckpointCopied(_start.Trial, _start.Attempt, _start.ResumeFrom.First(checkpoint => checkpoint.ManifestSha256 == found.Sha && checkpoint.Step == found.Step).RelativePath, agent.Machine.Id, ""));
        cluster.Watch.Resumed(Key, _start, found);
        (_weights, _step) = found is null ? (Training.Initial(_spec), 0) : (found.Weights, found.Step);
    }

    private void Train() => After(0.05, 0.5, () =>
    {
        if (_isStopWanted)
        {
            if (_start.Rank == 0 && _step > 0) Save(Finish);
            else Finish();
            return;
        }
        if (Epoch == _spec.Train.Epochs)
        {
            WhenSaved(() => LastWords(new RankExit(RankEnd.Finished, _start.Rank == 0 ? Training.Outcome(_weights, Epoch) : null, "", false, [])));
            return;
        }
        _step++;
        _weights = Training.Step(_spec, _weights, _step);
        if (_start.Rank == 0)
        {
            agent.Take(new AgentInput.Progressed(new ProgressReport(_start.Trial, _start.Attempt, 0, Epoch, _spec.Train.Epochs, _step, 0, 0.5, 50)));
            if (_step % Training.StepsPerEpoch == 0)
            {
                agent.Take(new AgentInput.EpochDone(Key, Training.Epoch(_weights, Epoch)));
                Save(static () => { });
            }
        }
        Train();

        void Finish() => WhenSaved(() => LastWords(new RankExit(RankEnd.Stopped, null, "", false, [])));
    });

    /// <summary>In the background: the next steps do not wait. What does not fit on the disk is not reported.</summary>
    private void Save(Action then)
    {
        var (step, epoch, weights) = (_step, Epoch, _weights);
        var path = $"{step}.a{_start.Attempt}";
        _saving++;
        After(0.02, 0.3, () =>
        {
            _saving--;
            var isWritten = cluster.Files.Write(CheckpointFiles.PathOf(agent.Machine, _start.CheckpointRoot, path), new CheckpointFile(step, epoch, weights, Training.Hash(weights), false));
            if (isWritten)
                agent.Take(new AgentInput.CheckpointDone(Key, new CheckpointReport(_start.Trial, _start.Attempt, step, epoch, path, Training.Hash(weights), epoch == 0 ? null : Training.Accuracy(weights, epoch), 1) { Rank = _start.Rank }));
            then();
        });
    }

    private void WhenSaved(Action then)
    {
        if (_saving == 0) then();
        else After(0.05, 0.05, () => WhenSaved(then));
    }

    private void LastWords(RankExit exit)
    {
        Kill();
        agent.Take(new AgentInput.Exited(Key, exit));
    }

    private void After(double low, double high, Action action) => RunAfter(_luck.NextBetween(low, high), action);
}
