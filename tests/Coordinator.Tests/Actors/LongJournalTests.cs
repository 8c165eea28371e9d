using System.Diagnostics;
using Akka.Actor;
using Akka.Persistence;
using Volley.Coordinator.Actors;
using Volley.Coordinator.Sweeps;
using Volley.Coordinator.Tests.Sweeps;
using Volley.Shared.Config;
using Volley.Shared.Messages;

namespace Volley.Coordinator.Tests.Actors;

/// <summary>Why there are no snapshots: a journal of ten thousand trials is read in a few seconds.</summary>
public sealed class LongJournalTests : CoordinatorSystem
{
    private const int Epochs = 3;

    [Theory]
    [InlineData(300)]
    [InlineData(10_000)]
    [Trait("Category", "Slow")]
    public async Task ASweepOfManyTrials_IsRecoveredWhole(int trials)
    {
        var stop = TestContext.Current.CancellationToken;
        var manager = StartManager();
        await manager.Ask<SweepAnswer>(new SubmitSweep(TestSweep.Id, TestSweep.SubmissionOf(trials + 1)), TimeSpan.FromSeconds(20), stop);
        await manager.Ask<SweepAnswer>(new SteerSweep(TestSweep.Id, new CancelSweep()), TimeSpan.FromSeconds(20), stop);
        await StopAsync(manager);
        var filler = Sys.ActorOf(Props.Create(() => new Filler(trials)));
        var events = await filler.Ask<int>("fill", TimeSpan.FromMinutes(2), stop);
        await StopAsync(filler);

        var clock = Stopwatch.StartNew();
        var before = Environment.CpuUsage.TotalTime;
        manager = StartManager();
        SweepState? state = null;
        await AwaitConditionAsync(async () => (state = await LookAsync(manager)) is { Term: > 1 }, TimeSpan.FromMinutes(2), cancellationToken: stop);
        TestContext.Current.TestOutputHelper?.WriteLine($"{events:N0} events of {trials:N0} trials were recovered in {clock.Elapsed.TotalSeconds:0.0} s, {(Environment.CpuUsage.TotalTime - before).TotalSeconds:0.0} s of processor time");
        Assert.Equal((trials, 0), (state!.Trials.Finished, state.Trials.Failed));
        Assert.Equal(Epochs, state.Trials[trials - 1].Epochs.Count);
        Assert.NotNull(state.Trials[trials / 2].Outcome);
    }

    /// <summary>Writes what the sweep would have written, in batches. Trial 0 was made, and cancelled, by the sweep itself.</summary>
    private sealed class Filler : UntypedPersistentActor
    {
        private const int Batch = 500;
        private readonly int _trials;
        private int _events;

        public Filler(int trials) => _trials = trials;

        public override string PersistenceId => $"sweep-{TestSweep.Id}";

        protected override void OnRecover(object message) { }

        protected override void OnCommand(object message)
        {
            var plan = SweepPlanner.Plan(TestSweep.SubmissionOf(_trials + 1));
            var sender = Sender;
            foreach (var batch in Enumerable.Range(1, _trials).SelectMany(trial => Life(plan, trial)).Prepend<SweepEvent>(new SweepResumed(TestSweep.Start)).Chunk(Batch))
                PersistAll(batch, _ => _events++);
            DeferAsync("done", _ => sender.Tell(_events));
        }

        private static IEnumerable<SweepEvent> Life(SweepPlan plan, int trial)
        {
            var at = TestSweep.Start.AddSeconds(trial);
            yield return new TrialCreated(TrialResolver.Resolve(plan.Spec, trial, plan.Search.Suggest(trial, [])!), at);
            yield return new AttemptStarted(trial, 1, [new Member(0, TestSweep.NodeA, 1, 1)], 0, at);
            for (var epoch = 1; epoch <= Epochs; epoch++)
            {
                yield return new EpochReported(trial, 1, TestSweep.Epoch(epoch), at);
                yield return new CheckpointCommitted(trial, new CommittedCheckpoint(1, epoch * 10, epoch, $"{epoch * 10}.a1", $"sha-{epoch}", 0.1 * epoch, 100), at);
            }
            yield return new AttemptEnded(trial, 1, RankEnd.Finished, "", "", [], at);
            yield return new TrialFinished(trial, 1, TestSweep.Outcome(), at);
        }
    }
}
