using System.Collections.Immutable;
using Volley.Coordinator.Chaos.Faults;

namespace Volley.Coordinator.Chaos;

/// <param name="Kinds">Those that were asked for, or all.</param>
/// <param name="IsKindsGiven">They were asked for by name: one that this machine does not allow is an error then, else it is left out.</param>
/// <param name="Store">Of checkpoints: <c>dir</c>, one folder for all nodes; <c>node</c>, one for each, and every checkpoint on two.</param>
/// <param name="Out">Absolute.</param>
/// <param name="DataRoot">Absolute.</param>
/// <param name="IsKept">Journals, checkpoints and logs stay, also when all is well.</param>
internal sealed record ChaosOptions(int Nodes, int Faults, ulong Seed, ImmutableArray<FaultKind> Kinds, bool IsKindsGiven, string Store, string Out, string DataRoot, bool IsKept);

/// <summary>A run that is over, and everything a report says about it: the content of <c>chaos.json</c>.</summary>
/// <param name="Skipped">Kinds of faults that this machine does not allow, with the reason.</param>
/// <param name="Network">Loopback, or network namespaces.</param>
internal sealed record ChaosResult(
    ChaosOptions Options,
    string Command,
    string Version,
    string Machine,
    DateTimeOffset StartedAt,
    string Network,
    ImmutableArray<string> Skipped,
    RunOutcome Undisturbed,
    RunOutcome Disturbed,
    ImmutableArray<StruckFault> Faults,
    ImmutableArray<ProgressPoint> Progress,
    Verdict Verdict);

/// <param name="Done">What was done, in words.</param>
internal sealed record StruckFault(Recovery.FaultRecovery Recovery, string Done);

/// <summary>For the timeline: steps of all trials together, each counted once.</summary>
internal sealed record ProgressPoint(TimeSpan At, long Steps, bool IsAnswering);
