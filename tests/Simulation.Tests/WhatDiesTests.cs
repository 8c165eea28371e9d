using Volley.Coordinator.Sweeps;
using Volley.GpuNode.Agent;
using Volley.Shared.Messages;

namespace Volley.Simulation.Tests;

/// <summary>Each row of the table "what dies" in DESIGN §3, alone, with the moments it promises.</summary>
public sealed class WhatDiesTests
{
    [Fact]
    public void ARankProcess_IsReplacedWithinThreeSeconds_FromItsNewestCheckpoint()
    {
        var scene = new Scene(1, 1);
        scene.UntilCheckpoints(2);
        var newest = scene.Trial.NewestCheckpoint!.Step;
        scene.Rank.Die("killed by signal 9");
        Assert.InRange(scene.UntilAttempt(2, 3).TotalSeconds, 0, 3);
        Assert.Equal(newest, scene.StepOf(2));
        Assert.Equal(0, scene.Trial.Failures);
        scene.EndsAsIfNothingHadHappened();
    }

    /// <summary>No completed optimizer step is lost while one rank survives, and nobody who lives is started again.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void ARankOfAGroup_IsReplaced_TheOthersKeepTheirProcesses_AndNoStepIsRepeated(int lost)
    {
        var scene = new Scene(2, 2, "ranks: 3, replace_wait: 30");
        scene.UntilCheckpoints(1);
        var survivors = scene.Ranks.Where(rank => rank.Key.Rank != lost).ToList();
        var (launches, step) = (scene.Cluster.Watch.Counts["launches"], survivors.Max(rank => rank.StepInMemory));
        scene.Ranks.Single(rank => rank.Key.Rank == lost).Die("killed by signal 9");
        Assert.InRange(scene.UntilAttempt(2, 5).TotalSeconds, 0, 5);
        Assert.InRange(scene.StepOf(2), step, step + 1);
        Assert.Equal(launches + 1, scene.Cluster.Watch.Counts["launches"]);
        Assert.Equal(survivors.Select(rank => rank.Pid), scene.Ranks.Where(rank => rank.Key.Rank != lost).Select(rank => rank.Pid));
        scene.EndsAsIfNothingHadHappened();
        Assert.Equal((2, 0), (scene.Trial.Attempt, scene.Trial.PastAttempts.Sum(attempt => attempt.RepeatedSteps)));
    }

    [Fact]
    public void AMachineOfAGroup_ItGoesOnWithFewer_AndTakesRanksInAgainWhenItIsBack()
    {
        var scene = new Scene(2, 1, "ranks: 2, min_ranks: 1, replace_wait: 2", epochs: 20);
        scene.UntilCheckpoints(1);
        var survivor = scene.Ranks.Single(rank => rank.Machine == scene.Cluster.Machines[0]);
        scene.Cluster.Machines[1].Cut(TimeSpan.FromSeconds(20));
        scene.UntilAttempt(2, 15);
        Assert.Single(scene.Trial.Members);
        scene.UntilAttempt(3, 40);
        Assert.Equal(2, scene.Trial.Members.Length);
        Assert.Equal(survivor.Pid, scene.Ranks.Single(rank => rank.Machine == survivor.Machine).Pid);
        scene.EndsAsIfNothingHadHappened();
        Assert.Equal(0, scene.Trial.PastAttempts.Sum(attempt => attempt.RepeatedSteps));
    }

    [Fact]
    public void TheCoordinator_WhileAGroupWaitsForAReplacement_CostsNoStep()
    {
        var scene = new Scene(3, 1, "ranks: 3, replace_wait: 60");
        scene.UntilCheckpoints(1);
        var survivors = scene.Ranks.Skip(1).Select(rank => rank.Pid).ToList();
        var step = scene.Ranks.Max(rank => rank.StepInMemory);
        scene.Ranks[0].Machine.Agent!.Kill();
        scene.Cluster.Coordinator.Kill();
        scene.UntilAttempt(2, 90);
        Assert.InRange(scene.StepOf(2), step, long.MaxValue);
        Assert.Subset(scene.Ranks.Select(rank => rank.Pid).ToHashSet(), survivors.ToHashSet());
        scene.EndsAsIfNothingHadHappened();
    }

    [Fact]
    public void EveryRankOfATrial_LeadsToOneNextAttempt_FromTheNewestCheckpoint()
    {
        var scene = new Scene(2, 1, "ranks: 2");
        scene.UntilCheckpoints(2);
        var newest = scene.Trial.NewestCheckpoint!.Step;
        foreach (var machine in scene.Cluster.Machines) machine.Agent!.Ranks[0].Die("killed by signal 9");
        scene.UntilAttempt(2, 3);
        Assert.Equal(newest, scene.StepOf(2));
        scene.EndsAsIfNothingHadHappened();
        Assert.Equal(2, scene.Trial.Attempt);
    }

    [Fact]
    public void AnAgent_ItsTrialRunsElsewhereWithinTenSeconds()
    {
        var scene = new Scene(2, 1);
        scene.UntilCheckpoints(2);
        var newest = scene.Trial.NewestCheckpoint!.Step;
        scene.Home.Agent!.Kill();
        scene.Cluster.Time.After(TimeSpan.FromSeconds(5), () => scene.Cluster.Suspect("n0:0", "it is unreachable."));
        Assert.InRange(scene.UntilAttempt(2, 10).TotalSeconds, 0, 10);
        Assert.Equal(newest, scene.StepOf(2));
        scene.EndsAsIfNothingHadHappened();
    }

    [Fact]
    public void AMachinesLink_ItsTrialRunsElsewhere_AndWhatTheLonelyRankReportsLaterChangesNothing()
    {
        var scene = new Scene(2, 1, epochs: 15);
        scene.UntilCheckpoints(1);
        var lonely = scene.Home;
        lonely.Cut(TimeSpan.FromSeconds(8));
        Assert.InRange(scene.UntilAttempt(2, 10).TotalSeconds, 4, 10);
        Assert.NotEmpty(lonely.Agent!.Ranks);                                       // it trains on, and nobody reads what it writes
        scene.Until(() => !lonely.IsCutOff && lonely.Agent.Ranks.Count == 0, 15, "the fenced rank is stopped");
        Assert.True(scene.Cluster.Watch.Counts["stale reports"] > 0);
        scene.EndsAsIfNothingHadHappened();
        Assert.Equal(2, scene.Trial.Attempt);
    }

    [Fact]
    public void TheCoordinatorProcess_CostsNothing_RunningRanksAreAdopted()
    {
        var scene = new Scene(2, 2, trials: 6);
        scene.UntilCheckpoints(1);
        scene.Cluster.Coordinator.Kill();
        scene.Until(() => scene.Cluster.Coordinator is { IsInOffice: true, Term: 2 }, 15, "a coordinator in office");
        scene.EndsAsIfNothingHadHappened();
        Assert.All(scene.State.Trials, trial => Assert.Equal(1, trial.Attempt));
        Assert.Equal(6, scene.Cluster.Watch.Counts["launches"]);
    }

    [Fact]
    public void TheNetworkBetweenCoordinators_TheOldOneWakesUpBesideItsSuccessor_AndIsObeyedByNobody()
    {
        var scene = new Scene(2, 1, trials: 4);
        scene.UntilCheckpoints(1);
        var old = scene.Cluster.Coordinator;
        old.Stop();
        scene.Cluster.Time.After(TimeSpan.FromSeconds(8), scene.Cluster.StartCoordinator);
        scene.Until(() => scene.Cluster.Coordinator.Term == 2 && scene.Cluster.Machines.All(machine => machine.Agent!.State.Term == 2), 30, "both agents know the successor");
        old.Continue();
        scene.Until(() => old.IsDead, 10, "the old one is gone: its next write is refused");
        scene.EndsAsIfNothingHadHappened();
        Assert.Equal(2, scene.Cluster.Coordinator.Term);
        Assert.All(scene.State.Trials, trial => Assert.Equal(1, trial.Attempt));
    }

    [Fact]
    public void TheDisk_IsFull_TheTrialTrainsOn_AndCheckpointsAgainWhenThereIsRoom()
    {
        var scene = new Scene(1, 1);
        scene.UntilCheckpoints(1);
        scene.Cluster.Files.IsFull = true;
        scene.Until(() => scene.Trial.Epochs.Count >= 3, 30, "two more epochs");
        Assert.Single(scene.Trial.Checkpoints);
        scene.Cluster.Files.IsFull = false;
        scene.EndsAsIfNothingHadHappened();
        Assert.Equal(1, scene.Trial.Attempt);
    }

    [Fact]
    public void ADamagedCheckpoint_IsSeenByItsHash_AndTheOneBeforeItIsUsed()
    {
        var scene = new Scene(1, 1);
        scene.UntilCheckpoints(2);
        var (older, newest) = (scene.Trial.Checkpoints[^2], scene.Trial.Checkpoints[^1]);
        scene.Cluster.Files.Damage(scene.Cluster.Files.Paths.Single(path => path.EndsWith($"/{newest.RelativePath}", StringComparison.Ordinal)));
        scene.Rank.Die("killed by signal 9");
        scene.UntilAttempt(2, 3);
        Assert.Equal(older.Step, scene.StepOf(2));
        scene.EndsAsIfNothingHadHappened();
    }

    [Fact]
    public void ATerminatedAgent_LosesNothing_ItsTrialGoesOnElsewhereFromItsVeryStep()
    {
        var scene = new Scene(2, 1);
        scene.UntilCheckpoints(1);
        var (leaving, agent) = (scene.Home, scene.Home.Agent!);
        agent.Take(new AgentInput.Leave());
        Assert.InRange(scene.Until(() => agent.IsDead, 20, "the agent's end").TotalSeconds, 0, 20);
        scene.UntilAttempt(2, 5);
        var stopped = scene.Cluster.Journal.Read("sweep-tiny").OfType<AttemptEnded>().First();
        Assert.Equal(RankEnd.Stopped, stopped.End);
        Assert.Equal(scene.Trial.Checkpoints.Where(checkpoint => checkpoint.Attempt == 1).Max(checkpoint => checkpoint.Step), scene.StepOf(2));
        Assert.NotEqual(leaving.Id, scene.Trial.Members.FirstOrDefault()?.Node ?? scene.Cluster.Machines[1].Id);
        scene.EndsAsIfNothingHadHappened();
    }

    [Fact]
    public void AStoppedRank_HoldsUpNobody_AndGoesOnWhenItIsContinued()
    {
        var scene = new Scene(1, 2, trials: 3);
        scene.UntilCheckpoints(1);
        var stopped = scene.Rank;
        stopped.Stop();
        scene.Until(() => scene.State.Trials.Count(trial => trial.Phase == TrialPhase.Finished) == 2, 60, "the other trials");
        stopped.Continue();
        scene.EndsAsIfNothingHadHappened();
        Assert.Equal(1, scene.Trial.Attempt);
    }
}
