using Volley.GpuNode.Agent;
using Volley.GpuNode.Link;
using Volley.Shared.Config;
using Volley.Shared.Messages;
using Volley.Simulation.Tests.World;

namespace Volley.Simulation.Tests.Machines;

/// <summary>A rank's process: steps, an epoch's report and checkpoint at its end, a checkpoint at a stop, last words. It dies with its agent.</summary>
internal sealed class SimulatedRank(Cluster cluster, SimulatedAgent agent, StartRank start, IReadOnlyList<int> slots) : SimulatedProcess(cluster.Time)
{
    private readonly TrialSpec _spec = Training.Parse(start.SpecJson);
    private Luck _luck = new(cluster.Seed, $"{agent.Machine.Id} {agent.Life} {start.Trial} {start.Attempt} {start.Rank}");
    private ulong _weights;
    private long _step;
    private bool _isStopWanted;
    private int _saving;

    public RankKey Key => new(start.Trial, start.Attempt, start.Rank);

    public IReadOnlyList<int> Slots => slots;

    public int Pid { get; } = cluster.NextPid();

    private int Epoch => (int)(_step / Training.StepsPerEpoch);

    public void Launch() => After(0.05, 0.4, () =>
    {
        agent.Take(new AgentInput.Started(Key, Pid));
        After(0.05, 0.4, Resume);
    });

    /// <summary>The agent asks, or insists.</summary>
    public void End(StopMode mode)
    {
        if (mode == StopMode.Graceful)
        {
            if (_isStopWanted) return;
            _isStopWanted = true;
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
        var found = start.ResumeFrom.Select(checkpoint => cluster.Files.Get(cluster, agent.Machine, start.CheckpointRoot, checkpoint)).FirstOrDefault(file => file is not null);
        if (found is not null && !start.CheckpointRoot.StartsWith('/'))
            agent.Say(new CheckpointCopied(start.Trial, start.Attempt, start.ResumeFrom.First(checkpoint => checkpoint.ManifestSha256 == found.Sha && checkpoint.Step == found.Step).RelativePath, agent.Machine.Id, ""));
        cluster.Watch.Resumed(Key, start, found);
        (_weights, _step) = found is null ? (Training.Initial(_spec), 0) : (found.Weights, found.Step);
        Train();
    }

    private void Train() => After(0.05, 0.5, () =>
    {
        if (_isStopWanted)
        {
            if (start.Rank == 0 && _step > 0) Save(Finish);
            else Finish();
            return;
        }
        if (Epoch == _spec.Train.Epochs)
        {
            WhenSaved(() => LastWords(new RankExit(RankEnd.Finished, start.Rank == 0 ? Training.Outcome(_weights, Epoch) : null, "", false, [])));
            return;
        }
        _step++;
        _weights = Training.Step(_spec, _weights, _step);
        if (start.Rank == 0)
        {
            agent.Take(new AgentInput.Progressed(new ProgressReport(start.Trial, start.Attempt, 0, Epoch, _spec.Train.Epochs, _step, 0, 0.5, 50)));
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
        var path = $"{step}.a{start.Attempt}";
        _saving++;
        After(0.02, 0.3, () =>
        {
            _saving--;
            var isWritten = cluster.Files.Write(CheckpointFiles.PathOf(agent.Machine, start.CheckpointRoot, path), new CheckpointFile(step, epoch, weights, Training.Hash(weights), false));
            if (isWritten)
                agent.Take(new AgentInput.CheckpointDone(Key, new CheckpointReport(start.Trial, start.Attempt, step, epoch, path, Training.Hash(weights), epoch == 0 ? null : Training.Accuracy(weights, epoch), 1)));
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
