using System.Collections.Immutable;
using Volley.Coordinator.Sweeps;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;
using Volley.Shared.Results;

namespace Volley.Coordinator.Tests.Sweeps;

/// <summary>A small sweep, driven by hand: every decision is applied, and what it would do is kept.</summary>
internal sealed class TestSweep
{
    public static readonly SweepId Id = new("tiny");
    public static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    public static readonly NodeId NodeA = new("a");
    public static readonly NodeId NodeB = new("b");

    public TestSweep(int trials = 2, string resources = "", string checkpoint = "", bool isForAnyMachine = false)
    {
        Submission = SubmissionOf(trials, resources, checkpoint);
        if (isForAnyMachine) Submission = Submission with { BaseDirectory = "", CheckpointRoot = "", DataRoot = "" };
        State = new SweepState(Id, SweepPlanner.Plan);
    }

    public SweepSubmission Submission { get; }
    public SweepState State { get; private set; }
    public DateTimeOffset Now { get; set; } = Start;

    /// <summary>All journaled so far.</summary>
    public List<SweepEvent> Journal { get; } = [];

    /// <summary>Of the last command.</summary>
    public ImmutableArray<SweepEffect> Effects { get; private set; } = [];

    public static SweepSubmission SubmissionOf(int trials, string resources = "", string checkpoint = "") => new(
        "tiny", "tiny.yaml",
        $$"""
        name: tiny
        seed: 3
        search: { algorithm: random, max_trials: {{trials}} }
        resources: { {{resources}} }
        checkpoint: { {{checkpoint}} }
        train:
          dataset: { name: fashion-mnist }
          epochs: 3
          optimizer: { name: adamw, lr: { log_uniform: [1.0e-4, 1.0e-2] } }
          model: { name: resnet18, width: 8 }
        """,
        [], "/home/me", "/runs/tiny/checkpoints", "/data");

    /// <summary>Accepted, in term 1, and asking for its first slots.</summary>
    public TestSweep Begun()
    {
        Do(new Submit(Submission));
        Do(new BeginTerm(1));
        return this;
    }

    /// <summary>As <see cref="Begun"/>, with trial 0 running its first attempt on node a.</summary>
    public TestSweep Running()
    {
        Begun();
        Grant(0, 1, NodeA);
        Report(new RankStarted(Trial(0), 1, 0, NodeA, 100));
        return this;
    }

    public static TrialId Trial(int number) => new(Id, number);

    public TrialState this[int trial] => State.Trials[trial];

    public IEnumerable<IVolleyMessage> Replies => Effects.OfType<Reply>().Select(reply => reply.Message);

    public IEnumerable<T> Sent<T>() where T : IVolleyMessage => Effects.OfType<ToNode>().Select(sent => sent.Message).OfType<T>();

    public Decision Do(SweepCommand command)
    {
        var decision = SweepDecider.Decide(State, command, Now);
        Journal.AddRange(decision.Journaled);
        (State, Effects) = (decision.State, decision.Effects);
        return decision;
    }

    public Decision Report(ITrialProtocol message) => Do(new FromAgent(message));

    public Decision Grant(int trial, int attempt, params NodeId[] nodes) =>
        Do(new SlotsGranted(trial, attempt, [.. nodes.Select((node, rank) => new Member(rank, node, 1, 1))]));

    public void ReportEpoch(int trial, int attempt, int epoch) => Report(new EpochReport(Trial(trial), attempt, Epoch(epoch)));

    public void ReportCheckpoint(int trial, int attempt, int epoch, double? value = null) =>
        Report(new CheckpointReport(Trial(trial), attempt, epoch * 10, epoch, $"{epoch * 10}.a{attempt}", $"sha-{epoch}", value, 100));

    public Decision Exit(int trial, int attempt, RankEnd end, string error = "", NodeId? node = null, int rank = 0, bool isUserError = false) =>
        Report(new RankExited(Trial(trial), attempt, rank, node ?? NodeA, end, end == RankEnd.Finished ? Outcome() : null, error, isUserError, ["last words"]));

    /// <summary>As a coordinator that finds this journal.</summary>
    public void Recover(IEnumerable<SweepEvent> journal)
    {
        Journal.AddRange(journal);
        State = Replayed();
    }

    public SweepState Replayed() => Journal.Aggregate(new SweepState(Id, SweepPlanner.Plan), (state, change) => state.Apply(change));

    public static EpochMetrics Epoch(int epoch) => new()
    {
        Epoch = epoch, Step = epoch * 10, LearningRate = 0.001, TrainLoss = 1.0 / epoch, ImagesPerSecond = 50,
        Validation = new Evaluation { Images = 10, Loss = 0.5, Accuracy = 0.1 * epoch },
    };

    public static TrialOutcome Outcome() => new()
    {
        Epochs = [],
        Validation = new Evaluation { Images = 10, Loss = 0.5, Accuracy = 0.3 },
        BestEpoch = 3,
        Cost = new ModelCost { Parameters = 1, Macs = 2, EnergyPj = 3 },
        WeightsSha256 = "w",
        NumericsFingerprint = "f",
        TrainSeconds = 1,
    };
}
