namespace Volley.Coordinator.Chaos.Faults;

/// <summary>Which of the living a fault strikes; pure. Null: nothing suits it now, ask again later.</summary>
internal static class FaultTargets
{
    // A sweep gives a trial up that loses its rank ten times in a row without a new checkpoint: that would be the tester's fault.
    private const int MostAttemptsWithoutCheckpoint = 5;

    // Of the links that may be cut, the coordinator's is one in four.
    private const int CoordinatorsShareOfLinks = 4;

    public static FaultTarget? Choose(PlannedFault fault, ClusterPicture now)
    {
        if (!now.IsAnswering || now.Trials.IsEmpty) return null;
        return fault.Kind switch
        {
            FaultKind.RankKill or FaultKind.RankPause => Pick(fault, RanksOf(now).ToList()),
            FaultKind.AgentKill or FaultKind.AgentTerm or FaultKind.AgentPause or FaultKind.NodePause => Pick(fault, BusyNodes(now).Select(node => new FaultTarget(node)).ToList()),
            FaultKind.LinkCut => Link(fault, now),
            FaultKind.CoordinatorKill or FaultKind.CoordinatorPause or FaultKind.CoordinatorTerm => now.Disturbed.Contains(ClusterPicture.Coordinator) ? null : new FaultTarget(ClusterPicture.Coordinator),
            FaultKind.CheckpointCorrupt or FaultKind.CheckpointTruncate => Pick(fault, Damageable(now).ToList()),
            FaultKind.DiskFull => now.IsDiskFull ? null : new FaultTarget(),
            _ => throw new InvalidOperationException($"{fault.Kind} has no targets."),
        };
    }

    private static FaultTarget? Link(PlannedFault fault, ClusterPicture now)
    {
        if (fault.Draw % CoordinatorsShareOfLinks == 0 && !now.Disturbed.Contains(ClusterPicture.Coordinator)) return new FaultTarget(ClusterPicture.Coordinator);
        return Pick(fault, BusyNodes(now).Select(node => new FaultTarget(node)).ToList());
    }

    private static IEnumerable<FaultTarget> RanksOf(ClusterPicture now) =>
        from trial in Patient(now)
        from rank in trial.Ranks
        where !now.Disturbed.Contains(rank.Node)
        select new FaultTarget(rank.Node, trial.Number, trial.Attempt, rank.Rank, rank.Pid);

    /// <summary>Agents that run something: killing an idle one proves little.</summary>
    private static IEnumerable<string> BusyNodes(ClusterPicture now) =>
        from node in now.Nodes
        where node is { IsAlive: true, IsReachable: true } && !now.Disturbed.Contains(node.Name)
            && now.On(node.Name).Any() && now.On(node.Name).All(trial => trial.AttemptsSinceCheckpoint <= MostAttemptsWithoutCheckpoint)
        select node.Name;

    /// <summary>With another intact checkpoint to fall back to: where the only one is lost, there is nothing that a system could do.</summary>
    private static IEnumerable<FaultTarget> Damageable(ClusterPicture now) =>
        from trial in Patient(now)
        where trial.Step > 0 && trial.IntactCheckpoints.Length >= 2
        from rank in trial.Ranks
        where rank.Rank == 0 && !now.Disturbed.Contains(rank.Node)
        select new FaultTarget(rank.Node, trial.Number, trial.Attempt, 0, rank.Pid, trial.IntactCheckpoints[^1]);

    private static IEnumerable<TrialPicture> Patient(ClusterPicture now) => now.Trials.Where(trial => trial.AttemptsSinceCheckpoint <= MostAttemptsWithoutCheckpoint);

    private static FaultTarget? Pick(PlannedFault fault, List<FaultTarget> targets) => targets.Count == 0 ? null : targets[(int)(fault.Draw % (ulong)targets.Count)];
}
