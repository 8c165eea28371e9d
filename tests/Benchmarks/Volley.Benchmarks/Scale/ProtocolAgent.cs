using System.Diagnostics;
using Akka.Actor;
using Volley.GpuNode.Agent;
using Volley.GpuNode.Link;
using Volley.Shared.Messages;
using Volley.Shared.Results;

namespace Volley.Benchmarks.Scale;

/// <summary>How a pretended rank spends its life.</summary>
/// <param name="TrialTime">From its start to its end.</param>
/// <param name="ProgressEvery">Zero: it never says where it is.</param>
internal sealed record RankPlan(TimeSpan TrialTime, TimeSpan ProgressEvery);

/// <summary>
/// One agent as the coordinator sees it: the real <see cref="AgentCore"/> in an actor that is the sender of its messages, as <c>NodeActor</c> is; its ranks
/// are timers. Every report of a trial of one epoch is there: start, progress, epoch, checkpoint, exit, each until acknowledged.
/// </summary>
internal sealed class ProtocolAgent : ReceiveActor, IWithTimers
{
    private readonly Dictionary<RankKey, long> _launchedAt = [];
    private readonly Queue<long> _freedAt = new();
    private readonly IActorRef _manager;
    private readonly FleetFigures _figures;
    private readonly RankPlan _plan;
    private AgentState _state;
    private int _pid;

    public ProtocolAgent(AgentFacts facts, RankPlan plan, FleetFigures figures, IActorRef manager)
    {
        (_state, _plan, _figures, _manager) = (new AgentState(facts), plan, figures, manager);
        Receive<IVolleyMessage>(Hear);
        Receive<RankLives>(lives => Decide(new AgentInput.Started(lives.Rank, lives.Pid)));
        Receive<RankIsDone>(done => End(done.Rank));
        Receive<RankProgresses>(progress => Progress(progress.Start));
        Receive<Second>(_ => Decide(new AgentInput.Tick()));
    }

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void PreStart()
    {
        Timers.StartPeriodicTimer("tick", Second.Instance, TimeSpan.FromSeconds(1));
        Decide(new AgentInput.Connected());
    }

    private void Hear(IVolleyMessage message)
    {
        _figures.CountHeard();
        if (message is NodeRegistered && _state.ClusterId.Length == 0) _figures.CountRegistered();
        var ranks = _state.Ranks.Count;
        Decide(new AgentInput.Heard(message));
        if (message is RankExitAccepted && _state.Ranks.Count < ranks) _figures.CountFinished();      // an acknowledgement may come twice
    }

    private void Decide(AgentInput input)
    {
        (_state, var effects) = AgentCore.Decide(_state, input);
        foreach (var effect in effects)
        {
            switch (effect)
            {
                case AgentEffect.Send { Message: var message }:
                    _figures.CountSent();
                    _manager.Tell(message, Self);
                    break;
                case AgentEffect.Launch launch: Launch(launch.Start); break;
                case AgentEffect.StopProcess stop: Stop(stop.Rank); break;
                case AgentEffect.DeleteCheckpoint { Command: var command }:
                    _figures.CountSent();
                    _manager.Tell(new CheckpointDeleted(command.Trial, command.Attempt, command.RelativePath), Self);
                    break;
                case AgentEffect.Exit { Error: { } error }: throw new InvalidOperationException($"{_state.Facts.Node}: {error}");
                default: break;
            }
        }
    }

    private void Launch(StartRank start)
    {
        var now = Stopwatch.GetTimestamp();
        if (_freedAt.TryDequeue(out var freed)) _figures.Refill.Add(Stopwatch.GetElapsedTime(freed, now));
        var key = new RankKey(start.Trial, start.Attempt, start.Rank);
        _launchedAt[key] = now;
        _figures.CountLaunched(now);
        Timers.StartSingleTimer(key, new RankIsDone(key), _plan.TrialTime);
        if (_plan.ProgressEvery > TimeSpan.Zero) Timers.StartPeriodicTimer((key, "progress"), new RankProgresses(start), _plan.ProgressEvery);
        Self.Tell(new RankLives(key, ++_pid));
    }

    private void Progress(StartRank start)
    {
        _figures.CountProgress();
        Decide(new AgentInput.Progressed(new ProgressReport(start.Trial, start.Attempt, start.Rank, 0, 1, 5, 10, 0.5, 1000)));
    }

    private void Stop(RankKey key)
    {
        Timers.Cancel(key);
        Exit(key, new RankExit(RankEnd.Lost, null, "killed", false, []));
    }

    private void End(RankKey key)
    {
        var epoch = new EpochMetrics
        {
            Epoch = 1, Step = 10, LearningRate = 0.001, TrainLoss = 1, ImagesPerSecond = 1000,
            Validation = new Evaluation { Images = 100, Loss = 0.5, Accuracy = 0.5 + (key.Trial.Number % 100 / 1000.0) },
        };
        Decide(new AgentInput.EpochDone(key, epoch));
        Decide(new AgentInput.CheckpointDone(key, new CheckpointReport(key.Trial, key.Attempt, 10, 1, $"10.a{key.Attempt}", new string('0', 64), epoch.Validation.Accuracy, 1 << 20)));
        Exit(key, new RankExit(RankEnd.Finished, new TrialOutcome
        {
            Epochs = [], Validation = epoch.Validation, BestEpoch = 1, Cost = new ModelCost { Parameters = 1000, Macs = 1000, EnergyPj = 1000 },
            WeightsSha256 = new string('0', 64), NumericsFingerprint = "benchmark", TrainSeconds = _plan.TrialTime.TotalSeconds,
        }, "", false, []));
    }

    private void Exit(RankKey key, RankExit exit)
    {
        Timers.Cancel((key, "progress"));
        var now = Stopwatch.GetTimestamp();
        if (_launchedAt.Remove(key, out var launched)) _figures.CountEnded(now, Stopwatch.GetElapsedTime(launched, now));
        _freedAt.Enqueue(now);
        Decide(new AgentInput.Exited(key, exit));
    }

    private sealed record Second
    {
        public static readonly Second Instance = new();
    }

    private sealed record RankLives(RankKey Rank, int Pid);

    private sealed record RankIsDone(RankKey Rank);

    private sealed record RankProgresses(StartRank Start);
}
