using Volley.Simulation.Tests.World;

namespace Volley.Simulation.Tests;

/// <summary>The protocol's promise over many seeds: whatever dies, every trial finishes once and the results are those of an undisturbed run.</summary>
public sealed class SeedsTests
{
    /// <summary>By name: machines, slots each, sweeps.</summary>
    internal static Setup SetupOf(string name) => name switch
    {
        "one machine" => new Setup(1, 2) { Sweeps = [Sweeps.Of()] },
        "three machines, two sweeps" => new Setup(3, 2) { Sweeps = [Sweeps.Of("alpha", 4), Sweeps.Of("beta", 3)] },
        "two ranks a trial" => new Setup(4, 1) { Sweeps = [Sweeps.Of(trials: 4, resources: "ranks: 2")] },
        "groups that shrink and grow" => new Setup(4, 2) { Sweeps = [Sweeps.Of(trials: 3, resources: "ranks: 3, min_ranks: 1, replace_wait: 3", epochs: 5)] },
        "checkpoints on nodes" => new Setup(3, 2) { Sweeps = [Sweeps.Of(trials: 5, isOnNodes: true)] },
        "no standbys" => new Setup(2, 2) { Sweeps = [Sweeps.Of(trials: 5, resources: "max_concurrent: 3", checkpoint: "keep_last: 1, keep_best: 0")], HasStandbys = false },
        _ => throw new ArgumentOutOfRangeException(nameof(name), name, "no such setup"),
    };

    [Theory]
    [InlineData("one machine", 600)]
    [InlineData("three machines, two sweeps", 600)]
    [InlineData("two ranks a trial", 400)]
    [InlineData("groups that shrink and grow", 400)]
    [InlineData("no standbys", 400)]
    [InlineData("checkpoints on nodes", 400)]
    public void ADisturbedSweep_EndsWithTheSameResults(string setup, int seeds) => Disturb(SetupOf(setup), 1, seeds);

    [Theory]
    [Trait("Category", "Slow")]
    [InlineData("one machine", 3_000)]
    [InlineData("three machines, two sweeps", 4_000)]
    [InlineData("two ranks a trial", 3_000)]
    [InlineData("groups that shrink and grow", 3_000)]
    [InlineData("no standbys", 3_000)]
    [InlineData("checkpoints on nodes", 4_000)]
    public void ADisturbedSweep_EndsWithTheSameResults_OverManySeeds(string setup, int seeds) => Disturb(SetupOf(setup), 100_000, seeds);

    [Theory]
    [InlineData("one machine")]
    [InlineData("three machines, two sweeps")]
    [InlineData("two ranks a trial")]
    [InlineData("groups that shrink and grow")]
    [InlineData("no standbys")]
    [InlineData("checkpoints on nodes")]
    public void AnUndisturbedSweep_RunsEveryTrialInOneAttempt(string setup)
    {
        var outcome = Simulation.Run(1, SetupOf(setup));
        Assert.Null(outcome.Broken);
        Assert.All(outcome.Results.Values, results => Assert.All(results.Trials, trial => Assert.Equal(1, trial.Attempts)));
    }

    private static void Disturb(Setup quiet, ulong first, int seeds)
    {
        var expected = Simulation.Run(0, quiet).Digests;
        var disturbed = quiet with { Faults = FaultMix.Many };
        var lowest = ulong.MaxValue;
        var gate = new Lock();
        var counts = new SortedDictionary<string, long>(StringComparer.Ordinal);
        Parallel.For((long)first, (long)first + seeds, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, (seed, loop) =>
        {
            var outcome = Simulation.Run((ulong)seed, disturbed, expected);
            lock (gate)
            {
                if (outcome.Broken is not null)
                {
                    lowest = Math.Min(lowest, (ulong)seed);
                    loop.Break();
                }
                Add("faults", outcome.Cluster.Faults.Struck.Count);
                Add("events", outcome.Cluster.Time.Events);
                foreach (var (what, count) in outcome.Cluster.Watch.Counts) Add(what, count);
            }
        });
        if (lowest != ulong.MaxValue) Assert.Fail(Simulation.Explain(lowest, disturbed, expected));
        TestContext.Current.TestOutputHelper?.WriteLine($"{seeds} seeds: {string.Join(", ", counts.Select(entry => $"{entry.Value:n0} {entry.Key}"))}");
        // A simulation that disturbs nothing would prove nothing.
        if (quiet.Sweeps[0].IsForAnyMachine) Assert.True(counts.GetValueOrDefault("commits with two copies") > seeds, "checkpoints were not copied");
        if (quiet.HasStandbys) Assert.True(counts.GetValueOrDefault("commands of an old term") > 0, "no coordinator spoke after its successor had");
        var ofGroups = quiet.Sweeps[0].Text.Contains("min_ranks", StringComparison.Ordinal) ? new[] { "groups formed", "attempts with survivors", "attempts with fewer ranks" } : [];
        foreach (var needed in ofGroups) Assert.True(counts.GetValueOrDefault(needed) > seeds / 4, $"only {counts.GetValueOrDefault(needed)} times in {seeds} runs: {needed}");
        foreach (var needed in new[] { "faults", "stale reports", "resumes from a checkpoint", "kill an agent", "attempts ended: Lost", "attempts ended: Stopped" })
            Assert.True(counts.GetValueOrDefault(needed) > seeds / 20, $"only {counts.GetValueOrDefault(needed)} times in {seeds} runs: {needed}");

        void Add(string what, long count) => counts[what] = counts.GetValueOrDefault(what) + count;
    }
}
