using System.Collections.Immutable;
using Volley.Shared;

namespace Volley.Coordinator.Chaos.Faults;

/// <summary>What can be done to a cluster on purpose.</summary>
internal enum FaultKind
{
    RankKill,
    AgentKill,
    CoordinatorKill,
    RankPause,
    AgentPause,
    NodePause,
    CoordinatorPause,
    AgentTerm,
    CoordinatorTerm,
    CheckpointCorrupt,
    CheckpointTruncate,
    DiskFull,
    LinkCut,
}

/// <summary>What a kind of fault needs beyond child processes.</summary>
internal enum FaultNeed { Nothing, Mount, Network }

/// <param name="Name">As typed after <c>--faults-only</c> and written in reports.</param>
/// <param name="Weight">Its share of the faults, against the other kinds'.</param>
/// <param name="NeedsNewAttempt">Training goes on only under a new attempt; the others may pass unnoticed.</param>
/// <param name="StopsTraining">The affected trials stand still while the fault is held.</param>
internal sealed record FaultKindInfo(FaultKind Kind, string Name, string Summary, int Weight, bool NeedsNewAttempt, bool StopsTraining, FaultNeed Need = FaultNeed.Nothing);

/// <summary>The one list of kinds.</summary>
internal static class FaultKinds
{
    public static ImmutableArray<FaultKindInfo> All { get; } =
    [
        new(FaultKind.RankKill, "rank-kill", "SIGKILL to a rank", 26, true, false),
        new(FaultKind.AgentKill, "agent-kill", "SIGKILL to an agent; it is started again", 14, true, false),
        new(FaultKind.CoordinatorKill, "coordinator-kill", "SIGKILL to the coordinator; it is started again", 11, false, false),
        new(FaultKind.AgentTerm, "agent-term", "SIGTERM to an agent; it is started again", 9, true, false),
        new(FaultKind.CheckpointCorrupt, "checkpoint-corrupt", "a byte of a trial's newest checkpoint is changed, then its rank is killed", 7, true, false),
        new(FaultKind.CheckpointTruncate, "checkpoint-truncate", "a file of a trial's newest checkpoint is cut in half, then its rank is killed", 6, true, false),
        new(FaultKind.AgentPause, "agent-pause", "SIGSTOP to an agent, its ranks go on, SIGCONT past the failure detector", 6, false, true),
        new(FaultKind.NodePause, "node-pause", "SIGSTOP to an agent and its ranks, SIGCONT past the failure detector", 5, false, true),
        new(FaultKind.RankPause, "rank-pause", "SIGSTOP to a rank, SIGCONT before or after its agent gives it up", 6, false, true),
        new(FaultKind.CoordinatorPause, "coordinator-pause", "SIGSTOP to the coordinator, then SIGCONT", 4, false, false),
        new(FaultKind.CoordinatorTerm, "coordinator-term", "SIGTERM to the coordinator; it is started again", 4, false, false),
        new(FaultKind.LinkCut, "link-cut", "the link of a node, or of the coordinator, is cut and comes back past the failure detector", 5, false, true, FaultNeed.Network),
        new(FaultKind.DiskFull, "disk-full", "the disk that holds checkpoints has no room for a while", 3, false, false, FaultNeed.Mount),
    ];

    public static FaultKindInfo Of(FaultKind kind) => All.First(info => info.Kind == kind);

    public static string NameOf(FaultKind kind) => Of(kind).Name;

    /// <param name="text">Names, separated by commas.</param>
    /// <exception cref="UserErrorException">A name that no kind has.</exception>
    public static ImmutableArray<FaultKind> Parse(string text)
    {
        var names = text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        var unknown = names.Where(name => All.All(info => info.Name != name)).ToList();
        if (names.Length == 0 || unknown.Count > 0)
            throw new UserErrorException($"--faults-only: {(unknown.Count > 0 ? $"\"{unknown[0]}\" is no kind of fault" : "names no kind of fault")}; kinds are {string.Join(", ", All.Select(info => info.Name))}.");
        return [.. All.Where(info => names.Contains(info.Name)).Select(info => info.Kind)];
    }
}
