using Volley.Coordinator.Sweeps;
using Volley.GpuNode.Agent;
using Volley.Shared.Messages;
using Volley.Simulation.Tests.World;

namespace Volley.Simulation.Tests;

/// <summary>A simulation that cannot fail proves nothing: here one rule is taken out of a core, and the invariants must notice.</summary>
public sealed class SabotageTests
{
    private const int MaxSeeds = 400;

    [Fact]
    public void ReportsOfEarlierAttempts_TakenForCurrentOnes_AreNoticed() => Notices(
        Cores.Real with
        {
            Sweep = (state, command, now) => SweepDecider.Decide(state, command is FromAgent { Message: CheckpointReport report }
                && state.Find(report.Trial) is { Phase: TrialPhase.Running } trial && trial.Attempt > report.Attempt
                    ? new FromAgent(report with { Attempt = trial.Attempt }) : command, now),
        },
        "is stale and led to");

    [Fact]
    public void SlotsGivenAgainBeforeTheProcessIsDead_AreNoticed() => Notices(
        Cores.Real with
        {
            Agent = (state, input) =>
            {
                var (next, effects) = AgentCore.Decide(state, input);
                foreach (var stop in effects.OfType<AgentEffect.StopProcess>().Where(stop => stop.Mode == StopMode.Kill))
                {
                    (next, var more) = AgentCore.Decide(next, new AgentInput.Exited(stop.Rank, new RankExit(RankEnd.Lost, null, "told to die", false, [])));
                    effects = effects.AddRange(more);
                }
                return (next, effects);
            },
        },
        "was launched in slot");

    [Fact]
    public void ActingBeforeTheJournalHasIt_IsNoticed() => Notices(Cores.Real with { ActsBeforeItJournals = true }, "the journal");

    [Fact]
    public void AnAgentThatObeysAnyTerm_IsNoticed() => Notices(
        Cores.Real with
        {
            Agent = (state, input) => AgentCore.Decide(state, input is AgentInput.Heard { Message: ICoordinatorCommand command } && command.Term < state.Term
                ? new AgentInput.Heard(command switch
                {
                    StartRank start => start with { Term = state.Term },
                    StopRank stop => stop with { Term = state.Term },
                    RetireCheckpoint retire => retire with { Term = state.Term },
                    AttemptIsStale stale => stale with { Term = state.Term },
                    _ => command,
                })
                : input),
        },
        "though it has seen term");

    [Fact]
    public void DeletingWhatTheJournalStillHas_IsNoticed() => Notices(
        Cores.Real with
        {
            Sweep = (state, command, now) =>
            {
                var decision = SweepDecider.Decide(state, command, now);
                return decision with
                {
                    Effects = decision.Effects.AddRange(decision.Events.OfType<CheckpointCommitted>().Select(committed => new ToAnyNode(null, new RetireCheckpoint(
                        state.Term, state.IdOf(committed.Trial), committed.Checkpoint.Attempt, state.Submission!.CheckpointRootOf(state.IdOf(committed.Trial)), committed.Checkpoint.RelativePath)))),
                };
            },
        },
        "was deleted and is in the journal");

    [Fact]
    public void SayingEverythingOnlyOnce_IsNoticed() => Notices(
        Cores.Real with { Sweep = (state, command, now) => command is Tick ? new Decision(state, [], [], [], null) : SweepDecider.Decide(state, command, now) },
        "no progress");

    [Fact]
    public void ASupersededCoordinatorThatBeginsAgain_IsNoticed() => Notices(
        Cores.Real with
        {
            Sweep = (state, command, now) => SweepDecider.Decide(command is BeginTerm begin && begin.Term < state.Term ? state with { Term = begin.Term } : state, command, now),
        },
        "after term");

    /// <summary>What a failing seed is shrunk to is short enough to read.</summary>
    [Fact]
    public void AFailingSeed_IsExplainedWithTheFewFaultsThatMatter()
    {
        var sabotaged = SetupWith(Cores.Real with { ActsBeforeItJournals = true });
        var seed = Enumerable.Range(1, MaxSeeds).Select(seed => (ulong)seed).First(seed => Simulation.Run(seed, sabotaged).Broken is not null);
        var all = Simulation.Run(seed, sabotaged).Cluster.Faults.Struck.Count;
        var explanation = Simulation.Explain(seed, sabotaged, null);
        var enough = int.Parse(explanation.Split('\n').Single(line => line.EndsWith("faults are enough:", StringComparison.Ordinal)).Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture);
        Assert.InRange(enough, 1, all / 2);
        Assert.Contains("BROKEN", explanation, StringComparison.Ordinal);
    }

    private static Setup SetupWith(Cores cores) => SeedsTests.SetupOf("three machines, two sweeps") with { Cores = cores, Faults = FaultMix.Many };

    private static void Notices(Cores sabotaged, string message)
    {
        for (var seed = 1UL; seed <= MaxSeeds; seed++)
        {
            if (Simulation.Run(seed, SetupWith(sabotaged)).Broken is not { } broken) continue;
            Assert.Contains(message, broken, StringComparison.Ordinal);
            return;
        }
        Assert.Fail($"{MaxSeeds} seeds noticed nothing");
    }
}
