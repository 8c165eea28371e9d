using Volley.Coordinator.Sweeps;
using Volley.Shared;

namespace Volley.Coordinator.Tests.Sweeps;

public sealed class SubmissionCheckTests
{
    private static readonly SweepSubmission ForAnyMachine = TestSweep.SubmissionOf(2) with { BaseDirectory = "", CheckpointRoot = "", DataRoot = "" };

    [Fact]
    public void WithoutPaths_ASweepIsForAnyMachine_AndItsCheckpointsLieUnderItsName()
    {
        SubmissionCheck.Check(ForAnyMachine);
        Assert.True(ForAnyMachine.IsForAnyMachine);
        Assert.Equal("tiny/0003", ForAnyMachine.CheckpointRootOf(TestSweep.Trial(3)));
        Assert.Equal("/runs/tiny/checkpoints/0003", TestSweep.SubmissionOf(2).CheckpointRootOf(TestSweep.Trial(3)));
    }

    [Fact]
    public void RelativePaths_AreRefused_WithTheirName()
    {
        Assert.Contains("checkpoint folder is \"runs\"", Refusal(ForAnyMachine with { CheckpointRoot = "runs" }), StringComparison.Ordinal);
        Assert.Contains("data folder is \"../data\"", Refusal(ForAnyMachine with { DataRoot = "../data" }), StringComparison.Ordinal);
        Assert.Contains("base directory is \".\"", Refusal(ForAnyMachine with { BaseDirectory = "." }), StringComparison.Ordinal);
    }

    private static string Refusal(SweepSubmission submission) => Assert.Throws<UserErrorException>(() => SubmissionCheck.Check(submission)).Message;
}
