using Volley.Coordinator.Sweeps;

namespace Volley.Coordinator.Tests.Simulation;

public sealed class SweepSimulationTests
{
    private static readonly TimeSpan Trouble = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    [Theory]
    [InlineData(1, 1, "")]
    [InlineData(3, 2, "")]
    [InlineData(3, 1, "ranks: 2")]
    [InlineData(2, 4, "threads_per_rank: 2, max_concurrent: 3")]
    public void AnUndisturbedSweep_RunsEveryTrialInOneAttempt(int agents, int slots, string resources)
    {
        var cluster = new SimulatedCluster(1, Faults.None, agents, slots, trials: 8, resources);
        var results = cluster.Run(TimeSpan.Zero, Patience);
        Assert.Equal(8, results.Trials.Count);
        Assert.All(results.Trials, trial => Assert.True(trial is { IsFinished: true, Attempts: 1, Epochs.Count: 3 }));
    }

    /// <summary>The protocol's promise: whatever dies, every trial finishes once and the results are those of an undisturbed run.</summary>
    [Theory]
    [InlineData(3, 2, "", 150)]
    [InlineData(1, 1, "", 25)]
    [InlineData(4, 1, "ranks: 2", 50)]
    public void ADisturbedSweep_EndsWithTheSameResults(int agents, int slots, string resources, int seeds) => Disturb(agents, slots, resources, seeds);

    [Theory]
    [Trait("Category", "Slow")]
    [InlineData(3, 2, "", 1000)]
    [InlineData(4, 1, "ranks: 2", 500)]
    public void ADisturbedSweep_EndsWithTheSameResults_OverManySeeds(int agents, int slots, string resources, int seeds) => Disturb(agents, slots, resources, seeds);

    private static void Disturb(int agents, int slots, string resources, int seeds)
    {
        const int trials = 6;
        var expected = new SimulatedCluster(0, Faults.None, agents, slots, trials, resources).Run(TimeSpan.Zero, Patience).ResultsDigest;
        var (faults, steps) = (0L, 0L);
        for (var seed = 1UL; seed <= (ulong)seeds; seed++)
        {
            var cluster = new SimulatedCluster(seed, Faults.Many, agents, slots, trials, resources);
            try
            {
                var results = cluster.Run(Trouble, Patience);
                Assert.All(results.Trials, trial => Assert.True(trial.IsFinished, $"trial {trial.Number}: {trial.Error}"));
                Assert.Equal(expected, results.ResultsDigest);
            }
            catch (Exception error)
            {
                throw new InvalidOperationException($"seed {seed} after {cluster.Steps} events: {error.Message}", error);
            }
            faults += cluster.Faulted;
            steps += cluster.Steps;
        }
        // A simulation that disturbs nothing would prove nothing.
        Assert.True(faults > 3 * seeds, $"only {faults} faults in {seeds} runs");
        TestContext.Current.TestOutputHelper?.WriteLine($"{seeds} seeds, {faults} faults, {steps} events");
    }

    [Fact]
    public void TheSameSeed_GivesTheSameJournal()
    {
        Assert.Equal(Journal(7), Journal(7));
        Assert.NotEqual(Journal(7), Journal(8));

        static string Journal(ulong seed)
        {
            var cluster = new SimulatedCluster(seed, Faults.Many, 3, 2, 5);
            cluster.Run(Trouble, Patience);
            return string.Join('\n', cluster.Journal.Select(change => change switch
            {
                AttemptStarted e => $"{e.At:O} start {e.Trial} {e.Attempt} {string.Join(',', e.Members)}",
                AttemptEnded e => $"{e.At:O} end {e.Trial} {e.Attempt} {e.End} {e.Error}",
                _ => change.GetType().Name,
            }));
        }
    }
}
