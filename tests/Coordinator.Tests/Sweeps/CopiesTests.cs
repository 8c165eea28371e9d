using Volley.Coordinator.Sweeps;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;
using static Volley.Coordinator.Tests.Sweeps.TestSweep;

namespace Volley.Coordinator.Tests.Sweeps;

/// <summary><c>store: node</c>: a checkpoint is committed when a second agent has it.</summary>
public sealed class CopiesTests
{
    private static readonly NodeId NodeC = new("c");

    [Fact]
    public void ACheckpoint_IsCommitted_OnlyWhenAnotherAgentHasIt()
    {
        var sweep = Written();
        var find = Assert.Single(sweep.Effects.OfType<FindCopyTarget>());
        Assert.Equal((Trial(0), 1, "10.a1", NodeA), (find.Trial, find.Attempt, find.RelativePath, find.Source));
        Assert.Empty(find.Tried);
        Assert.Empty(sweep.Replies);
        Assert.Empty(sweep[0].Checkpoints);

        sweep.Do(new CopyTargetFound(0, 1, "10.a1", NodeB));
        var copy = Assert.Single(sweep.Sent<CopyCheckpoint>());
        Assert.Equal(("tiny/0000", "10.a1", "sha-1", 100), (copy.CheckpointRoot, copy.Checkpoint.RelativePath, copy.Checkpoint.ManifestSha256, copy.Bytes));
        Assert.Equal([new CheckpointHolder(NodeA, "")], copy.Checkpoint.Holders!.Value);
        sweep.ReportCheckpoint(0, 1, 1);            // again, meanwhile
        Assert.Empty(sweep.Effects);

        sweep.Report(Copied(NodeB));
        Assert.Equal([NodeA, NodeB], Assert.Single(sweep[0].Checkpoints).Holders!.Value);
        Assert.Equal([new ToNode(NodeA, new CheckpointAccepted(Trial(0), 1, 10))], sweep.Effects.OfType<ToNode>());
        Assert.Equal("", sweep[0].CheckpointProblem);
        sweep.ReportCheckpoint(0, 1, 1);
        Assert.Equal([new CheckpointAccepted(Trial(0), 1, 10)], sweep.Replies);
    }

    [Fact]
    public void WithoutAnotherAgent_ItIsCommittedAtOnce_WithAWarning()
    {
        var sweep = Written();
        sweep.Do(new CopyTargetFound(0, 1, "10.a1", null));
        Assert.Equal([NodeA], Assert.Single(sweep[0].Checkpoints).Holders!.Value);
        Assert.Contains("no other agent is there", sweep[0].CheckpointProblem, StringComparison.Ordinal);
        Assert.Equal(sweep[0].CheckpointProblem, sweep.Replayed().Trials[0].CheckpointProblem);
        Assert.Contains(new ToNode(NodeA, new CheckpointAccepted(Trial(0), 1, 10)), sweep.Effects);
    }

    [Fact]
    public void AnAgentThatCannot_IsReplacedByAnother_AndInTheEndByAWarning()
    {
        var sweep = Asked(NodeB);
        sweep.Report(Copied(NodeB, "No space left on device"));
        Assert.Equal([NodeB], Assert.Single(sweep.Effects.OfType<FindCopyTarget>()).Tried);
        sweep.Do(new CopyTargetFound(0, 1, "10.a1", NodeC));
        sweep.Report(Copied(NodeB, "No space left on device"));         // late, once more: nothing
        Assert.Empty(sweep.Effects);
        sweep.Report(Copied(NodeC, "Connection refused"));
        sweep.Do(new CopyTargetFound(0, 1, "10.a1", null));
        Assert.Single(sweep[0].Checkpoints);
        Assert.Contains("no other agent could copy it", sweep[0].CheckpointProblem, StringComparison.Ordinal);
        Assert.Contains("c: Connection refused", sweep[0].CheckpointProblem, StringComparison.Ordinal);
    }

    [Fact]
    public void AnAgentThatIsLost_IsReplacedAtOnce()
    {
        var sweep = Asked(NodeB);
        sweep.Do(new NodeLost(NodeB, "it is unreachable."));
        Assert.Equal([NodeB], Assert.Single(sweep.Effects.OfType<FindCopyTarget>()).Tried);
        Assert.Equal(TrialPhase.Running, sweep[0].Phase);
    }

    [Fact]
    public void AnAgentThatIsSlow_IsAskedAgain_ThenReplaced()
    {
        var sweep = Asked(NodeB);
        var repeats = 0;
        for (var seconds = 0; seconds < 19; seconds++)
        {
            sweep.Now += Tick.Period;
            sweep.Do(new Tick());
            repeats += sweep.Sent<CopyCheckpoint>().Count();
            Assert.Empty(sweep.Effects.OfType<FindCopyTarget>());
        }
        Assert.Equal(9, repeats);
        sweep.Now += 2 * Tick.Period;
        sweep.Do(new Tick());
        Assert.Equal([NodeB], Assert.Single(sweep.Effects.OfType<FindCopyTarget>()).Tried);
        sweep.Do(new CopyTargetFound(0, 1, "10.a1", NodeC));

        // The slow one is done after all: it has the bytes.
        sweep.Report(Copied(NodeB));
        Assert.Equal([NodeA, NodeB], Assert.Single(sweep[0].Checkpoints).Holders!.Value);
    }

    [Fact]
    public void TheWriterLost_EndsTheAttempt_AndALateCopyIsDeleted()
    {
        var sweep = Asked(NodeB);
        sweep.Do(new NodeLost(NodeA, "it is unreachable."));
        Assert.Equal(TrialPhase.Waiting, sweep[0].Phase);
        sweep.Report(Copied(NodeB));
        Assert.Empty(sweep[0].Checkpoints);
        Assert.Equal(["10.a1"], sweep.Replies.OfType<RetireCheckpoint>().Select(retire => retire.RelativePath));
        sweep.Grant(0, 2, NodeB);
        Assert.Empty(Assert.Single(sweep.Sent<StartRank>()).ResumeFrom);
    }

    [Fact]
    public void ANextAttempt_IsToldWhoHasWhat_AndWhoFetchesItHoldsItToo()
    {
        var sweep = Committed();
        sweep.Do(new NodeLost(NodeA, "it is unreachable."));
        sweep.Grant(0, 2, NodeC);
        var source = Assert.Single(Assert.Single(sweep.Sent<StartRank>()).ResumeFrom);
        Assert.Equal([NodeA, NodeB], source.Holders!.Value.Select(holder => holder.Node));
        sweep.Report(Copied(NodeC));
        sweep.Report(Copied(NodeC));
        Assert.Equal([NodeA, NodeB, NodeC], Assert.Single(sweep[0].Checkpoints).Holders!.Value);
        Assert.Equal([NodeA, NodeB, NodeC], sweep.Replayed().Trials[0].Checkpoints[0].Holders!.Value);
    }

    [Fact]
    public void ARetiredCheckpoint_IsDeletedByEveryHolder()
    {
        var sweep = Committed("store: node, keep_last: 1, keep_best: 0");
        sweep.ReportEpoch(0, 1, 2);
        sweep.ReportCheckpoint(0, 1, 2);
        sweep.Do(new CopyTargetFound(0, 1, "20.a1", NodeB));
        sweep.Report(Copied(NodeB, path: "20.a1"));
        Assert.Equal([NodeA, NodeB], sweep.Effects.OfType<ToNode>().Where(sent => sent.Message is RetireCheckpoint).Select(sent => sent.Node));
        sweep.Report(new CheckpointDeleted(Trial(0), 1, "10.a1") { Node = NodeB });
        sweep.Do(new Tick());
        Assert.Equal([NodeA], sweep.Effects.OfType<ToNode>().Where(sent => sent.Message is RetireCheckpoint).Select(sent => sent.Node));
        sweep.Report(new CheckpointDeleted(Trial(0), 1, "10.a1") { Node = NodeC });     // it never had it
        Assert.NotEmpty(sweep[0].Retired);
        sweep.Report(new CheckpointDeleted(Trial(0), 1, "10.a1") { Node = NodeA });
        Assert.Empty(sweep[0].Retired);
        Assert.Empty(sweep.State.WithDeletions);
    }

    [Fact]
    public void WithoutStoreNode_AgentsStillSayWhereItLies_AndNothingWaits()
    {
        var sweep = new TestSweep(isForAnyMachine: true).Running();
        sweep.ReportEpoch(0, 1, 1);
        sweep.ReportCheckpoint(0, 1, 1);
        Assert.Equal([NodeA], Assert.Single(sweep[0].Checkpoints).Holders!.Value);
        Assert.Equal("", sweep[0].CheckpointProblem);
        Assert.Single(sweep.Replies);
    }

    [Fact]
    public void OnOneMachine_NothingIsCopied()
    {
        var sweep = new TestSweep(checkpoint: "store: node").Running();
        sweep.ReportEpoch(0, 1, 1);
        sweep.ReportCheckpoint(0, 1, 1);
        Assert.Null(Assert.Single(sweep[0].Checkpoints).Holders);
    }

    [Fact]
    public void ARestartedCoordinator_AsksAgain()
    {
        var before = Asked(NodeB);
        var sweep = new TestSweep(checkpoint: "store: node", isForAnyMachine: true) { Now = before.Now };
        sweep.Recover(before.Journal);
        sweep.Do(new BeginTerm(2));
        sweep.Report(Copied(NodeB));                 // nobody here has asked for it yet
        Assert.Empty(sweep[0].Checkpoints);
        Assert.Empty(sweep.Replies);
        sweep.ReportCheckpoint(0, 1, 1);
        Assert.Single(sweep.Effects.OfType<FindCopyTarget>());
        sweep.Do(new CopyTargetFound(0, 1, "10.a1", NodeB));
        sweep.Report(Copied(NodeB));
        Assert.Single(sweep[0].Checkpoints);
    }

    [Fact]
    public void ProblemsOfARank_AreCountedAndShown_UntilACheckpointIsCommitted()
    {
        var sweep = new TestSweep().Running();
        void Progress(int count, string problem) =>
            sweep.Report(new ProgressReport(Trial(0), sweep[0].Attempt, 0, 0, 3, 5, 30, 1, 50) { CheckpointProblems = count, CheckpointProblem = problem });
        Progress(1, "disk full");
        Progress(1, "disk full");
        Progress(3, "gone");
        Assert.Equal((3, "gone"), (sweep[0].CheckpointProblems, sweep[0].CheckpointProblem));
        Assert.Equal(2, sweep.Journal.OfType<CheckpointProblemSeen>().Count());
        sweep.ReportEpoch(0, 1, 1);
        sweep.ReportCheckpoint(0, 1, 1);
        Progress(3, "gone");
        Assert.Equal((3, ""), (sweep[0].CheckpointProblems, sweep[0].CheckpointProblem));
        sweep.Do(new NodeLost(NodeA, "it is unreachable."));
        sweep.Grant(0, 2, NodeB);
        Progress(1, "damaged");
        Assert.Equal((4, "damaged"), (sweep[0].CheckpointProblems, sweep[0].CheckpointProblem));
        Assert.Equal(4, sweep.Replayed().Trials[0].CheckpointProblems);
    }

    private static CheckpointCopied Copied(NodeId node, string problem = "", string path = "10.a1") => new(Trial(0), 1, path, node, problem);

    /// <summary>The first checkpoint is on the disk of node a.</summary>
    private static TestSweep Written(string checkpoint = "store: node")
    {
        var sweep = new TestSweep(checkpoint: checkpoint, isForAnyMachine: true).Running();
        sweep.ReportEpoch(0, 1, 1);
        sweep.ReportCheckpoint(0, 1, 1);
        return sweep;
    }

    private static TestSweep Asked(NodeId target)
    {
        var sweep = Written();
        sweep.Do(new CopyTargetFound(0, 1, "10.a1", target));
        return sweep;
    }

    /// <summary>Nodes a and b have it.</summary>
    private static TestSweep Committed(string checkpoint = "store: node")
    {
        var sweep = Written(checkpoint);
        sweep.Do(new CopyTargetFound(0, 1, "10.a1", NodeB));
        sweep.Report(Copied(NodeB));
        return sweep;
    }
}
