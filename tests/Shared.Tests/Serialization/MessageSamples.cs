using System.Collections.Immutable;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;
using Volley.Shared.Results;

namespace Volley.Shared.Tests.Serialization;

/// <summary>One message of each type, every field set to something that is not its default, and the largest of each.</summary>
internal static class MessageSamples
{
    private static readonly TrialId Trial = new(new SweepId("sdt-vs-vit"), 7);
    private static readonly NodeId Node = new("gpu-03");

    private static readonly GroupSecret Secret = GroupSecret.Of([.. Enumerable.Range(1, GroupSecret.Bytes).Select(i => (byte)i)]);

    public static IReadOnlyList<IVolleyMessage> Typical { get; } =
    [
        new RegisterNode(Node, 1_771_000_000_123, "10.77.0.3", 4, 2, "cpu", 24_000_000_000, "0.1.0", "libtorch 2.10.0 avx512 t2",
            [new RunningRank(Trial, 3, 1, 2, 4711, false), new RunningRank(Trial, 2, 0, 1, 4710, true)], true),
        new NodeRegistered(Node, "c0ffee", 5),
        new NodeRefused(Node, "Version 0.0.9 here, 0.1.0 there."),
        new NodeLeaving(Node, 1_771_000_000_123),
        new StartRank(5, Trial, 3, 1, 2, 2, """{"number":7}""", "/runs/a/checkpoints/0007", "/data", "/home/me/sweeps",
            [new CheckpointReference(200, "200.a2", "ab12"), new CheckpointReference(100, "100.a1", "cd34")]),
        new RankStarted(Trial, 3, 1, Node, 4711),
        new StopRank(5, Trial, 3, StopMode.Graceful),
        new ProgressReport(Trial, 3, 1, 4, 30, 1234, 9000, 0.75, 81.5),
        new EpochReport(Trial, 3, Epoch()),
        new EpochAccepted(Trial, 3, 4),
        new CheckpointReport(Trial, 3, 1234, 4, "1234.a3", "ef56", 0.8125, 45_000_000),
        new CheckpointAccepted(Trial, 3, 1234),
        new RetireCheckpoint(5, Trial, 3, "/runs/a/checkpoints/0007", "100.a1"),
        new CheckpointDeleted(Trial, 3, "100.a1"),
        new CopyCheckpoint(5, Trial, 3, "sdt-vs-vit/0007", new CheckpointReference(200, "200.a2", "ab12") { Holders = [new CheckpointHolder(Node, "10.77.0.3:4080")] }, 45_000_000),
        new CheckpointCopied(Trial, 3, "200.a2", Node, "disk full"),
        new RankExited(Trial, 3, 1, Node, RankEnd.Finished, Outcome(layers: 1), "an error", true, ["line 1", "Zeile 2 – größer"]),
        new RankExitAccepted(Trial, 3, 1),
        new AttemptIsStale(5, Trial, 2),
        new RankReady(Trial, 3, Node, new GroupAddress(1, "gpu-03 5f3a", "10.77.0.3", 40_123, 1234)),
        new FormGroup(5, Trial, 3, [new GroupAddress(0, "gpu-01 77aa", "10.77.0.1", 40_001, -1), new GroupAddress(1, "gpu-03 5f3a", "10.77.0.3", 40_123, 1234)], Secret),
        new RankWaiting(Trial, 3, 1, Node, [0, 2], 1234, "connection reset"),
    ];

    /// <summary>Fields that came after the first release of their message: older bytes lack them.</summary>
    public static IReadOnlyList<IVolleyMessage> Later { get; } =
    [
        Of<RegisterNode>() with { HttpAddress = "10.77.0.3:4080" },
        Of<StartRank>() with
        {
            ResumeFrom =
            [
                new CheckpointReference(200, "200.a2", "ab12") { Holders = [new CheckpointHolder(Node, "10.77.0.3:4080"), new CheckpointHolder(new NodeId("cpu-1"), "")] },
                new CheckpointReference(150, "150.a2", "ab13") { Holders = [] },
            ],
        },
        Of<StartRank>() with { Kept = [0, 2] },
        Of<StopRank>() with { Rank = 0 },
        Of<CheckpointReport>() with { Rank = 2 },
        Of<ProgressReport>() with { CheckpointProblem = "disk full", CheckpointProblems = 2, DataDigest = "d1" },
        Of<CheckpointReport>() with { DataDigest = "d1" },
        Of<CheckpointDeleted>() with { Node = Node },
        Of<RankExited>() with { DataDigest = "d1" },
    ];

    /// <summary>Names, paths, lists and texts as long as their producers let them become.</summary>
    public static IReadOnlyList<IVolleyMessage> Largest { get; } = BuildLargest();

    private static List<IVolleyMessage> BuildLargest()
    {
        var trial = new TrialId(new SweepId(new string('s', 63)), int.MaxValue);
        var node = new NodeId(new string('n', 63));
        var path = new string('p', MessageLimits.PathBytes);
        var error = MessageLimits.Clip(new string('e', 1 << 20));
        var log = MessageLimits.ClipLines([.. Enumerable.Range(0, 10_000).Select(i => $"{i} {new string('ü', i % 200)}")]);
        var holder = new CheckpointHolder(node, new string('h', 253) + ":65535");
        var references = Enumerable.Range(0, 16).Select(i => new CheckpointReference(long.MaxValue, $"{long.MaxValue}.a{i}", new string('f', 64)) { Holders = [holder, holder, holder] });
        var ranks = Enumerable.Range(0, 256).Select(i => new RunningRank(trial, int.MaxValue, i, int.MaxValue, int.MaxValue, true));
        return
        [
            new RegisterNode(node, long.MaxValue, new string('h', 253), 256, 256, "cuda", long.MaxValue, "10.10.10", new string('f', 200), [.. ranks], true) { HttpAddress = holder.HttpAddress },
            new NodeRegistered(node, new string('c', 64), long.MaxValue),
            new NodeRefused(node, error),
            new NodeLeaving(node, long.MaxValue),
            new StartRank(long.MaxValue, trial, int.MaxValue, 255, 256, 256, new string('j', MessageLimits.SpecJsonBytes), path, path, path, [.. references]) { Kept = [.. Enumerable.Range(0, MessageLimits.MaxRanks)] },
            new RankStarted(trial, int.MaxValue, 255, node, int.MaxValue),
            new StopRank(long.MaxValue, trial, int.MaxValue, StopMode.Kill),
            new ProgressReport(trial, int.MaxValue, 255, int.MaxValue, int.MaxValue, long.MaxValue, long.MaxValue, double.NaN, double.MaxValue) { CheckpointProblem = error, CheckpointProblems = int.MaxValue, DataDigest = new string('f', 64) },
            new EpochReport(trial, int.MaxValue, Epoch(layers: 200)),
            new EpochAccepted(trial, int.MaxValue, int.MaxValue),
            new CheckpointReport(trial, int.MaxValue, long.MaxValue, int.MaxValue, path, new string('f', 64), double.MaxValue, long.MaxValue) { DataDigest = new string('f', 64) },
            new CheckpointAccepted(trial, int.MaxValue, long.MaxValue),
            new RetireCheckpoint(long.MaxValue, trial, int.MaxValue, path, path),
            new CheckpointDeleted(trial, int.MaxValue, path) { Node = node },
            new CopyCheckpoint(long.MaxValue, trial, int.MaxValue, path, references.First(), long.MaxValue),
            new CheckpointCopied(trial, int.MaxValue, path, node, error),
            new RankExited(trial, int.MaxValue, 255, node, RankEnd.Failed, Outcome(layers: 200), error, true, log) { DataDigest = new string('f', 64) },
            new RankExitAccepted(trial, int.MaxValue, 255),
            new AttemptIsStale(long.MaxValue, trial, int.MaxValue),
            new RankReady(trial, int.MaxValue, node, Address(255)),
            new FormGroup(long.MaxValue, trial, int.MaxValue, [.. Enumerable.Range(0, MessageLimits.MaxRanks).Select(Address)], Secret),
            new RankWaiting(trial, int.MaxValue, 255, node, [.. Enumerable.Range(0, MessageLimits.MaxRanks)], long.MaxValue, error),
        ];

        static GroupAddress Address(int rank) => new(rank, new string('m', MessageLimits.GroupTextBytes), new string('h', MessageLimits.GroupTextBytes), ushort.MaxValue, long.MaxValue);
    }

    private static T Of<T>() where T : IVolleyMessage => Typical.OfType<T>().Single();

    private static EpochMetrics Epoch(int layers = 1) => new()
    {
        Epoch = 4, Step = 1234, LearningRate = 0.001, TrainLoss = 0.5, TrainAccuracy = 0.9, Validation = Evaluation(layers), ImagesPerSecond = 81.5,
    };

    private static Evaluation Evaluation(int layers) => new()
    {
        Images = 500,
        Loss = 0.6,
        Accuracy = 0.8125,
        Top5 = 0.99,
        Map = 0.7,
        F1 = 0.65,
        FiringRate = 0.125,
        FiringRateByLayer = Enumerable.Range(0, layers).ToImmutableDictionary(i => $"block.{i}.attn.attention_neuron.lif", i => 0.125 + i),
    };

    private static TrialOutcome Outcome(int layers) => new()
    {
        Epochs = [],
        Validation = Evaluation(layers),
        Test = Evaluation(layers) with { Accuracy = 0.8 },
        BestEpoch = 4,
        Cost = new ModelCost { Parameters = 11_173_962, Macs = 556_651_520, SynapticOperations = 1.5e8, EnergyPj = 2.56e9, SpikeSparsity = 0.875 },
        Latency = new LatencyFigures { LatencyMsP50 = 1.5, LatencyMsP95 = 2.5, BatchLatencyMsP50 = 60, BatchLatencyMsP95 = 70, ImagesPerSecond = 900 },
        WeightsSha256 = new string('a', 64),
        NumericsFingerprint = "libtorch 2.10.0 avx512 t2",
        TrainSeconds = 12.25,
    };
}
