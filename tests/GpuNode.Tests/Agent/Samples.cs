using Volley.GpuNode.Agent;
using Volley.GpuNode.Link;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;
using Volley.Shared.Results;

namespace Volley.GpuNode.Tests.Agent;

/// <summary>Plain values for tests of the agent.</summary>
internal static class Samples
{
    public static readonly SweepId Sweep = new("sweep");
    public static readonly TrialId Trial = new(Sweep, 7);
    public static readonly AgentFacts Facts = new(new NodeId("n1"), 1, "127.0.0.1", 2, 1, "cpu", 1 << 30, "0.1.0", "cpu");

    public static StartRank Start(int attempt = 1, int rank = 0, int slots = 1, long term = 1, int trial = 7) =>
        new(term, new TrialId(Sweep, trial), attempt, rank, 1, slots, "{}", "/tmp/c", "", "/tmp", []);

    public static RankKey Key(int attempt = 1, int rank = 0, int trial = 7) => new(new TrialId(Sweep, trial), attempt, rank);

    public static EpochMetrics Epoch(int epoch) => new() { Epoch = epoch, Step = epoch * 10, LearningRate = 0.1, TrainLoss = 1, ImagesPerSecond = 5 };

    public static CheckpointReport Checkpoint(long step, int attempt = 1) => new(Trial, attempt, step, 1, $"{step}.a{attempt}", "00", null, 1);

    public static RankExit Exit(RankEnd end = RankEnd.Finished) => new(end, null, "", false, []);
}
