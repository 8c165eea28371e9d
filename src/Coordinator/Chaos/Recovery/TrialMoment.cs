using System.Collections.Immutable;

namespace Volley.Coordinator.Chaos.Recovery;

/// <summary>A trial at one look.</summary>
/// <param name="Step">The highest that the newest attempt has reported; 0 before its first report.</param>
/// <param name="IsOver">It will never make another step.</param>
/// <param name="Said">Why its last attempt ended, in the system's words.</param>
/// <param name="Nodes">Where the running attempt's ranks are; empty while none runs.</param>
/// <param name="Attempts">Oldest first, with the one that runs.</param>
internal sealed record TrialMoment(int Trial, int Attempt, long Step, bool IsOver, string Said, ImmutableArray<string> Nodes, ImmutableArray<AttemptMoment> Attempts)
{
    /// <summary>The newest trouble with checkpoints, and how often there was any.</summary>
    public string CheckpointProblem { get; init; } = "";

    public int CheckpointProblems { get; init; }
}

/// <param name="FirstStep">When it had made its first step, since the start of the sweep; null: not yet.</param>
/// <param name="StartStep">Completed steps when it began.</param>
/// <param name="LastStep">Completed steps when it ended, or now.</param>
internal sealed record AttemptMoment(int Attempt, string Node, TimeSpan? FirstStep, long? StartStep, long? LastStep);
