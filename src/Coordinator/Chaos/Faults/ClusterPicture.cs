using System.Collections.Immutable;

namespace Volley.Coordinator.Chaos.Faults;

/// <summary>What is alive now, as far as a fault's choice of its target is concerned.</summary>
/// <param name="IsAnswering">The coordinator answered the last question.</param>
/// <param name="Disturbed">Nodes (and <see cref="Coordinator"/>) that a fault holds at present.</param>
internal sealed record ClusterPicture(bool IsAnswering, ImmutableArray<NodePicture> Nodes, ImmutableArray<TrialPicture> Trials, ImmutableHashSet<string> Disturbed, bool IsDiskFull)
{
    /// <summary>The coordinator's name among the nodes that links lead to.</summary>
    public const string Coordinator = "coordinator";

    public IEnumerable<TrialPicture> On(string node) => Trials.Where(trial => trial.Ranks.Any(rank => rank.Node == node));
}

/// <param name="IsReachable">The coordinator counts on it.</param>
internal sealed record NodePicture(string Name, bool IsAlive, bool IsReachable);

/// <summary>A trial whose attempt runs.</summary>
/// <param name="Step">The highest that this attempt reported; 0 before its first report.</param>
/// <param name="AttemptsSinceCheckpoint">1: the running attempt is the first since the newest checkpoint.</param>
/// <param name="IntactCheckpoints">Committed, not retired, not damaged by a fault; newest last.</param>
internal sealed record TrialPicture(int Number, int Attempt, long Step, int AttemptsSinceCheckpoint, ImmutableArray<RankPicture> Ranks, ImmutableArray<string> IntactCheckpoints);

internal sealed record RankPicture(int Rank, string Node, int Pid);

/// <summary>What a fault strikes.</summary>
/// <param name="Node">Also where the rank runs.</param>
internal sealed record FaultTarget(string? Node = null, int? Trial = null, int? Attempt = null, int? Rank = null, int? Pid = null, string? Checkpoint = null);
