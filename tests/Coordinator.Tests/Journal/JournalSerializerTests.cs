using System.Runtime.Serialization;
using Volley.Coordinator.Actors;
using Volley.Coordinator.Journal;
using Volley.Coordinator.Placement;
using Volley.Coordinator.Sweeps;
using Volley.Coordinator.Tests.Sweeps;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;

namespace Volley.Coordinator.Tests.Journal;

public sealed class JournalSerializerTests
{
    private static readonly DateTimeOffset At = new(2026, 1, 2, 3, 4, 5, 678, TimeSpan.Zero);

    private static readonly object[] Samples =
    [
        new ClusterCreated("c0ffee", At),
        new ManagerTermStarted(3, At),
        new SweepRegistered(new SweepId("tiny"), At),
        new SweepAccepted(TestSweep.SubmissionOf(2), At),
        new SweepMoved(TestSweep.SubmissionOf(2) with { DataRoot = "/elsewhere" }, At),
        new TermStarted(3, At),
        new TrialCreated(new TestSweep().Begun()[0].Spec, At),
        new AttemptStarted(1, 2, [new Member(0, new NodeId("a"), 5, 1), new Member(1, new NodeId("b"), 6, 2)], 4, At),
        new EpochReported(1, 2, TestSweep.Epoch(3) with { TrainLoss = double.NaN }, At),
        new CheckpointCommitted(1, new CommittedCheckpoint(2, 30, 3, "30.a2", "sha", 0.25, 100), At),
        new DataSeen("5e7", "d1", new NodeId("a"), At),
        new NodeAvoided(new NodeId("b"), 5, "other images", At),
        new CheckpointHeld(1, "30.a2", new NodeId("b")),
        new CheckpointProblemSeen(1, 2, 3, "disk full", At),
        new CheckpointRetired(1, "30.a2"),
        new CheckpointRemoved(1, "30.a2"),
        new RankEnded(1, 2, 1, RankEnd.Finished, null, At),
        new GroupBroken(1, 2, [1], RankEnd.Lost, "killed", "b", At, 30),
        new AttemptEnded(1, 2, RankEnd.Failed, "Loss is NaN", "a", ["line 1", "line 2"], At),
        new TrialFinished(1, 2, TestSweep.Outcome(), At),
        new TrialFailed(1, "Loss is NaN", true, At),
        new TrialReopened(1, At),
        new TrialCancelled(1, At),
        new SweepExtended(60, 40, At),
        new TrialExtended(1, 60, At),
        new PriorityChanged(-5, At),
        new NodeSetAside(new NodeId("a"), SetAsideKind.Failing, "3 trials failed there", At),
        new NodeTakenBack(new NodeId("a"), At),
        new SweepPaused(At),
        new SweepResumed(At),
        new SweepCancelled(At),
        new SweepFinished(At),
    ];

    public static TheoryData<string> Names => [.. Samples.Select(sample => sample.GetType().Name)];

    [Fact]
    public void EveryEventHasASample_AndVolatileOnesHaveNoPlaceInAJournal()
    {
        var events = typeof(SweepEvent).Assembly.GetTypes()
            .Where(type => !type.IsAbstract && (type.IsAssignableTo(typeof(SweepEvent)) || type.IsAssignableTo(typeof(ManagerEvent))))
            .ToLookup(type => type.IsAssignableTo(typeof(VolatileEvent)));
        Assert.Equal(events[false].ToHashSet(), Samples.Select(sample => sample.GetType()).ToHashSet());
        Assert.Equal(events[false].ToHashSet(), JournalSerializer.Types.ToHashSet());
        Assert.NotEmpty(events[true]);
        Assert.Throws<SerializationException>(() => JournalSerializer.Serialize(new SlotsAsked(1, true)));
    }

    [Theory, MemberData(nameof(Names))]
    public void AnEventComesBackAsItWas(string name)
    {
        var sample = Sample(name);
        var bytes = JournalSerializer.Serialize(sample);
        var back = JournalSerializer.Deserialize(bytes, JournalSerializer.ManifestOf(sample));
        Assert.Equal(sample.GetType(), back.GetType());
        Assert.Equal(System.Text.Encoding.UTF8.GetString(bytes), System.Text.Encoding.UTF8.GetString(JournalSerializer.Serialize(back)));
    }

    /// <summary>A journal of the first release must be readable for ever: a line per event, manifest and JSON, never edited.</summary>
    [Fact]
    public void TheJournalOfTheFirstRelease_IsStillReadAndWritten()
    {
        foreach (var line in File.ReadLines(Fixture()))
        {
            var (manifest, json) = (line[..line.IndexOf(' ', StringComparison.Ordinal)], line[(line.IndexOf(' ', StringComparison.Ordinal) + 1)..]);
            var read = JournalSerializer.Deserialize(System.Text.Encoding.UTF8.GetBytes(json), manifest);
            Assert.Equal(json, System.Text.Encoding.UTF8.GetString(JournalSerializer.Serialize(read)));
        }
        var inFixture = File.ReadLines(Fixture()).Select(line => line[..line.IndexOf(' ', StringComparison.Ordinal)]).ToHashSet();
        Assert.All(Samples, sample => Assert.Contains(JournalSerializer.ManifestOf(sample), inFixture));
    }

    [Fact]
    public void AnEventOfANewerVersion_IsRefusedWithItsName()
    {
        var error = Assert.Throws<SerializationException>(() => JournalSerializer.Deserialize("{}"u8.ToArray(), "trial-created.v9"));
        Assert.Contains("trial-created.v9", error.Message, StringComparison.Ordinal);
    }

    private static object Sample(string name) => Samples.Single(sample => sample.GetType().Name == name);

    private static string Fixture([System.Runtime.CompilerServices.CallerFilePath] string here = "") => Path.Combine(Path.GetDirectoryName(here)!, "journal-v1.txt");

    internal static IEnumerable<string> FixtureLines() => Samples.Select(sample => $"{JournalSerializer.ManifestOf(sample)} {System.Text.Encoding.UTF8.GetString(JournalSerializer.Serialize(sample))}");
}
