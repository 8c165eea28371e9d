namespace Volley.Coordinator.Http;

internal sealed record NodePage(IReadOnlyList<NodeView> Nodes, string? Next);

/// <summary>A machine and what runs on it.</summary>
internal sealed record NodeView
{
    public required string Name { get; init; }

    /// <summary>up | lost (silent or unreachable) | stopping (its agent is about to end) | drained, excluded or failing (set aside).</summary>
    public required string State { get; init; }

    /// <summary>Only where it is set aside.</summary>
    public SetAsideView? SetAside { get; init; }
    public required string Host { get; init; }

    /// <summary>Where the agent serves logs and checkpoints; absent where it does not.</summary>
    public string? HttpAddress { get; init; }

    /// <summary>Of the agent's process; absent where it does not say.</summary>
    public int? AgentPid { get; init; }

    /// <summary>One life of the agent process.</summary>
    public required long Incarnation { get; init; }
    public required string Device { get; init; }
    public required int Slots { get; init; }
    public required int UsedSlots { get; init; }
    public required int FreeSlots { get; init; }
    public required int ThreadsPerSlot { get; init; }
    public required long MemoryBytes { get; init; }
    public required string Version { get; init; }
    public required string NumericsFingerprint { get; init; }
    public required double SecondsSinceHeard { get; init; }
    public required IReadOnlyList<NodeRank> Ranks { get; init; }
}

/// <param name="Pid">Absent until the agent has listed it.</param>
internal sealed record NodeRank(string Sweep, int Trial, int Attempt, int Rank, int Slots, int? Pid);

/// <summary>Nothing new is placed on a node that is set aside, until `volley node undrain`.</summary>
/// <param name="Kind">drained (what ran moves away) | excluded (what ran is lost) | failing (trials keep failing there).</param>
internal sealed record SetAsideView(string Kind, string Reason, DateTimeOffset Since);

internal sealed record NodeStanding(string Name, SetAsideView? SetAside);

internal sealed record ReasonRequest(string? Reason);
