using System.Collections.Immutable;

namespace Volley.Coordinator.Chaos.Recovery;

/// <summary>A trial at one look.</summary>
/// <param name="Step">The highest that the attempt has reported; 0 before its first report.</param>
/// <param name="IsOver">It will never make another step.</param>
/// <param name="IntactCheckpointStep">Step of the newest committed checkpoint that no fault has damaged; 0: none.</param>
/// <param name="Said">Why its last attempt ended, in the system's words.</param>
/// <param name="Node">Where the newest attempt's rank 0 runs or ran.</param>
/// <param name="Nodes">Where the running attempt's ranks are.</param>
internal sealed record TrialMoment(int Trial, int Attempt, long Step, bool IsOver, long IntactCheckpointStep, string Said, string Node, ImmutableArray<string> Nodes);
