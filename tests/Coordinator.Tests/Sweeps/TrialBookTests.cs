using System.Collections.Immutable;
using System.Text.Json;
using Volley.Coordinator.Sweeps;
using Volley.Shared.Config;
using Volley.Shared.Messages;
using Volley.Shared.Results;

namespace Volley.Coordinator.Tests.Sweeps;

/// <summary>A finished trial costs little memory and no time.</summary>
public sealed class TrialBookTests
{
    internal const int Epochs = 3;

    [Fact]
    public void APackedTrial_ComesBackAsItWas()
    {
        var plan = SweepPlanner.Plan(TestSweep.SubmissionOf(2));
        var spec = TrialResolver.Resolve(plan.Spec, 1, plan.Search.Suggest(1, [])!);
        var trial = new TrialState
        {
            Number = 1, Spec = spec, CreatedAt = TestSweep.Start, Phase = TrialPhase.Failed, Attempt = 3, Node = "a", Fingerprint = "f", Failures = 2, LossesInARow = 1,
            HasUserError = true, Error = "Loss is NaN", FailedOn = "b", LastLogLines = ["one", "two"], StartedAt = TestSweep.Start, EndedAt = TestSweep.Start.AddHours(1),
            ActiveTime = TimeSpan.FromSeconds(7.25), Version = 17,
            Outcome = TestSweep.Outcome() with { Test = Spiking(0.125), Latency = new LatencyFigures { LatencyMsP50 = 1, LatencyMsP95 = 2, BatchLatencyMsP50 = 3, BatchLatencyMsP95 = 4, ImagesPerSecond = 5 } },
            Epochs = [new ReportedEpoch(1, TestSweep.Epoch(1) with { TrainLoss = double.NaN }), new ReportedEpoch(2, TestSweep.Epoch(2) with { Validation = Spiking(1 / 3.0) })],
            Checkpoints = [new CommittedCheckpoint(2, 20, 2, "20.a2", "sha", null, 100)],
        };
        var packed = PackedTrial.Of(trial, plan);
        var back = packed.Unpack(plan);
        Assert.Equal(Json(trial), Json(back));
        Assert.Equal(ConfigJson.Serialize(spec), ConfigJson.Serialize(back.Spec));
        Assert.Equal((trial.Version, trial.Phase, trial.Attempt), (back.Version, packed.Phase, packed.Attempt));
        Assert.Equal(ResultsOf(trial), ResultsOf(back));

        static string ResultsOf(TrialState trial) => ResultsDigest.View(SweepOutcome.Of(trial)).ToJsonString(ConfigJson.Options);
        static string Json(TrialState trial) => JsonSerializer.Serialize(trial with { Version = 0 }, ConfigJson.Options);
    }

    /// <summary>A journal of another version may hold what this one would resolve otherwise, and the journal is right.</summary>
    [Fact]
    public void AConfigurationThatResolvingDoesNotGiveAgain_IsKept()
    {
        var plan = SweepPlanner.Plan(TestSweep.SubmissionOf(2));
        var spec = TrialResolver.Resolve(plan.Spec, 0, plan.Search.Suggest(0, [])!);
        spec = spec with { Train = spec.Train with { LabelSmoothing = 0.25, Epochs = 77 } };
        var trial = new TrialState { Number = 0, Spec = spec, CreatedAt = TestSweep.Start, Phase = TrialPhase.Finished };
        Assert.Equal(ConfigJson.Serialize(spec), ConfigJson.Serialize(PackedTrial.Of(trial, plan).Unpack(plan).Spec));
    }

    [Fact]
    public void AnEventOfARunningTrial_LooksAtNoOther()
    {
        List<int> looked = [];
        var state = Finished(200);
        state = state with { Trials = state.Trials with { Looked = looked.Add } };
        var number = state.Asked.Min;
        foreach (var command in Life(number, attempt: 1))
        {
            looked.Clear();
            state = SweepDecider.Decide(state, command, TestSweep.Start).State;
            // Itself, and the next trial that is made when this one has its slots.
            Assert.All(looked, other => Assert.InRange(other, number, number + 1));
            Assert.InRange(looked.Count, 1, 60);
        }
        looked.Clear();
        state = SweepDecider.Decide(state, new Tick(), TestSweep.Start.AddMinutes(1)).State;
        state = SweepDecider.Decide(state, new NodeAppeared(TestSweep.NodeB, 1, []), TestSweep.Start).State;
        _ = SweepDecider.Decide(state, new FromAgent(new EpochReport(TestSweep.Trial(5), 1, TestSweep.Epoch(1))), TestSweep.Start);      // late
        Assert.DoesNotContain(looked, other => other < number);
    }

    /// <summary>Not only what is looked at: allocation counts everything that is computed, wherever.</summary>
    [Fact]
    public void AnEvent_AllocatesNoMoreAfterManyFinishedTrials()
    {
        var (few, many) = (Allocated(Finished(100)), Allocated(Finished(1600)));
        Assert.True(many < 1.5 * few, $"an average event allocates {few:N0} bytes after 100 finished trials, {many:N0} after 1,600");
        TestContext.Current.TestOutputHelper?.WriteLine($"{few:N0} bytes an event after 100 finished trials, {many:N0} after 1,600");

        static double Allocated(SweepState state)
        {
            var events = 0;
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 20; i++)
                foreach (var command in Life(state.Asked.Min, 1).ToList())
                {
                    state = SweepDecider.Decide(state, command, TestSweep.Start).State;
                    events++;
                }
            return (GC.GetAllocatedBytesForCurrentThread() - before) / (double)events;
        }
    }

    [Fact]
    public void ChangesSinceAVersion_AreThoseTrialsOnly()
    {
        var state = Finished(50);
        var version = state.Version;
        Assert.Empty(state.Trials.ChangedSince(version));
        Assert.Empty(state.Trials.ChangedSince(long.MaxValue));
        Assert.Equal(Enumerable.Range(0, 51), state.Trials.ChangedSince(-1).Order());
        foreach (var command in Life(50, 1).Take(3)) state = SweepDecider.Decide(state, command, TestSweep.Start).State;
        Assert.Equal([50, 51], state.Trials.ChangedSince(version).Order());
        Assert.Equal((50, 0, 0), (state.Trials.Finished, state.Trials.Failed, state.Trials.Cancelled));
    }

    /// <summary>So many trials finished, one more asking for slots.</summary>
    internal static SweepState Finished(int trials)
    {
        var state = new SweepState(TestSweep.Id, SweepPlanner.Plan);
        foreach (var command in ((SweepCommand[])[new Submit(TestSweep.SubmissionOf(100_000)), new BeginTerm(1)]).Concat(Enumerable.Range(0, trials).SelectMany(trial => Life(trial, 1))))
            state = SweepDecider.Decide(state, command, TestSweep.Start).State;
        return state;
    }

    private static IEnumerable<SweepCommand> Life(int trial, int attempt)
    {
        var id = TestSweep.Trial(trial);
        yield return new SlotsGranted(trial, attempt, [new Member(0, TestSweep.NodeA, 1, 1)]);
        yield return new FromAgent(new RankStarted(id, attempt, 0, TestSweep.NodeA, 100 + trial));
        for (var epoch = 1; epoch <= Epochs; epoch++)
        {
            yield return new FromAgent(new EpochReport(id, attempt, TestSweep.Epoch(epoch) with { TrainLoss = 1.0 / (trial + epoch), ImagesPerSecond = 1000.0 / (trial + 3) }));
            yield return new FromAgent(new CheckpointReport(id, attempt, epoch * 10, epoch, $"{epoch * 10}.a{attempt}", Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData([(byte)trial, (byte)epoch])), 0.1 * epoch, 100));
            if (epoch > 2) yield return new FromAgent(new CheckpointDeleted(id, attempt, $"{(epoch - 2) * 10}.a{attempt}"));
        }
        yield return new FromAgent(new RankExited(id, attempt, 0, TestSweep.NodeA, RankEnd.Finished, TestSweep.Outcome() with { TrainSeconds = trial / 7.0 }, "", false, ImmutableArray<string>.Empty));
    }

    private static Evaluation Spiking(double rate) => new()
    {
        Images = 10, Loss = 0.5, Accuracy = 0.1, FiringRate = rate, FiringRateByLayer = new Dictionary<string, double> { ["stage1.lif"] = rate, ["stage2.lif"] = rate / 7 },
    };
}
