using Volley.Coordinator.Placement;
using Volley.Coordinator.Sweeps;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;
using static Volley.Coordinator.Tests.Sweeps.TestSweep;

namespace Volley.Coordinator.Tests.Sweeps;

/// <summary>A machine whose data differ from those the sweep began with.</summary>
public sealed class OtherDataTests
{
    [Fact]
    public void TheFirstDigest_IsJournaledOnce_AndTheSameOneIsNoNews()
    {
        var sweep = new TestSweep(isForAnyMachine: true).Running();
        Progress(sweep, 0, "d1");
        Progress(sweep, 0, "d1");
        sweep.Grant(1, 1, NodeB);
        Progress(sweep, 1, "d1");
        Assert.Equal([("d1", NodeA)], sweep.Journal.OfType<DataSeen>().Select(seen => (seen.Digest, seen.Node)));
        Assert.Equal(TrialPhase.Running, sweep[1].Phase);
    }

    [Theory]
    [InlineData("progress")]
    [InlineData("checkpoint")]
    [InlineData("exit")]            // it noticed by itself, from the checkpoint it was to resume
    [InlineData("finish")]
    public void AnotherDigest_SetsTheNodeAside_AndHarmsNoTrial(string report)
    {
        var sweep = OnOtherData(report);
        Assert.Equal((TrialPhase.Waiting, 0, 1), (sweep[1].Phase, sweep[1].Failures, sweep[1].Attempt));
        Assert.Empty(sweep[1].Checkpoints);
        var avoided = Assert.Single(sweep.State.Avoided.Values);
        Assert.Equal((NodeB, 1L), (avoided.Node, avoided.Incarnation));
        Assert.Contains("digest d2, that of a, the first of this sweep, has d1", avoided.Reason, StringComparison.Ordinal);
        Assert.Contains(avoided.Reason, sweep.Journal.OfType<AttemptEnded>().Single().Error, StringComparison.Ordinal);
        Assert.Single(sweep.Effects.OfType<AvoidNode>());
        Assert.Equal(report is "exit" or "finish", sweep.Replies.OfType<RankExitAccepted>().Any());

        // A restarted coordinator tells its inventory again.
        var next = new TestSweep(isForAnyMachine: true);
        next.Recover(sweep.Journal);
        next.Do(new BeginTerm(2));
        Assert.Equal(NodeB, Assert.Single(next.Effects.OfType<AvoidNode>()).Node);
    }

    [Fact]
    public void TheInventory_PlacesNothingOfThatSweepThere_UntilTheAgentIsStartedAgain()
    {
        var now = Start;
        var inventory = Register(Inventory.Empty, 1).Avoid(new AvoidNode(Id, NodeB, 1, "other images"));
        var (waiting, news) = inventory.Ask(Trial(1), 1, 1, 1, "cpu").Place();
        Assert.Empty(news.OfType<Placed>());
        Assert.Contains("b: other images", waiting.CannotEverPlace(Assert.Single(waiting.Requests.Values)), StringComparison.Ordinal);

        var other = new TrialId(new SweepId("other"), 0);
        Assert.Equal(other, Assert.Single(inventory.Ask(other, 1, 1, 1, "cpu").Place().News.OfType<Placed>()).Trial);
        Assert.Single(Register(waiting, 2).Place().News.OfType<Placed>());

        Inventory Register(Inventory before, long incarnation) =>
            before.Register(new RegisterNode(NodeB, incarnation, "h", 1, 1, "cpu", 1, "0.1.0", "f", []), now).Next;
    }

    [Fact]
    public void OnOneMachine_NothingIsCompared()
    {
        var sweep = new TestSweep().Running();
        Progress(sweep, 0, "d1");
        Progress(sweep, 0, "d2");
        Assert.Equal(TrialPhase.Running, sweep[0].Phase);
        Assert.Empty(sweep.Journal.OfType<DataSeen>());
    }

    /// <summary>Trial 0 trains on data d1 on node a, trial 1 on d2 on node b, which says so.</summary>
    private static TestSweep OnOtherData(string report)
    {
        var sweep = new TestSweep(isForAnyMachine: true).Running();
        Progress(sweep, 0, "d1");
        sweep.Grant(1, 1, NodeB);
        sweep.Report(new RankStarted(Trial(1), 1, 0, NodeB, 200));
        sweep.ReportEpoch(1, 1, 1);
        ITrialProtocol message = report switch
        {
            "progress" => new ProgressReport(Trial(1), 1, 0, 0, 3, 1, 30, 1, 50) { DataDigest = "d2" },
            "checkpoint" => new CheckpointReport(Trial(1), 1, 10, 1, "10.a1", "sha", 0.5, 100) { DataDigest = "d2" },
            "exit" => new RankExited(Trial(1), 1, 0, NodeB, RankEnd.Failed, null, "was trained on data with digest d1", true, []) { DataDigest = "d2" },
            _ => new RankExited(Trial(1), 1, 0, NodeB, RankEnd.Finished, Outcome(), "", false, []) { DataDigest = "d2" },
        };
        sweep.Report(message);
        return sweep;
    }

    private static void Progress(TestSweep sweep, int trial, string digest) =>
        sweep.Report(new ProgressReport(Trial(trial), 1, 0, 0, 3, 1, 30, 1, 50) { DataDigest = digest });
}
