using System.Collections.Immutable;
using Volley.Shared.Identifiers;

namespace Volley.Shared.Messages;

/// <summary>Agent ⇄ coordinator: who lends what.</summary>
public interface INodeProtocol : IVolleyMessage;

/// <summary>
/// "I am here, I lend this, I run that." Agent → <see cref="ClusterNames.ManagerPath"/> through the singleton proxy, with the agent's
/// node actor as sender; sent every <see cref="Period"/> and after every rejoin, so it is idempotent. Answered by
/// <see cref="NodeRegistered"/> or <see cref="NodeRefused"/>.
/// </summary>
/// <param name="Incarnation">One life of the agent process (its start in Unix milliseconds): a higher one says that the ranks of the lower are gone unless listed.</param>
/// <param name="Slots">Ranks it lends room for.</param>
/// <param name="ThreadsPerSlot">CPU threads of one slot; a rank that wants more takes several slots. On a GPU a rank takes one slot.</param>
/// <param name="Device"><c>cpu</c> or <c>cuda</c>.</param>
/// <param name="Version">Of Volley; another one is refused.</param>
/// <param name="Running">Every rank whose process lives or whose exit was not acknowledged.</param>
/// <param name="Draining">It takes no new ranks.</param>
public sealed record RegisterNode(
    NodeId Node,
    long Incarnation,
    string Host,
    int Slots,
    int ThreadsPerSlot,
    string Device,
    long MemoryBytes,
    string Version,
    string NumericsFingerprint,
    ImmutableArray<RunningRank> Running,
    bool Draining = false) : INodeProtocol
{
    public static readonly TimeSpan Period = TimeSpan.FromSeconds(2);

    /// <summary><c>HOST:PORT</c> where the agent serves checkpoints, logs and its health; empty: it does not.</summary>
    public string HttpAddress { get; init; } = "";

    /// <summary>The agent's own process, for operators' scripts; 0: an older agent that does not say.</summary>
    public int AgentPid { get; init; }

    public bool Equals(RegisterNode? other) =>
        other is not null && (this with { Running = [] }).EqualsButRunning(other with { Running = [] }) && Running.SequenceEqual(other.Running);

    public override int GetHashCode() => HashCode.Combine(Node, Incarnation);

    private bool EqualsButRunning(RegisterNode other) =>
        (Node, Incarnation, Host, Slots, ThreadsPerSlot, Device, MemoryBytes) == (other.Node, other.Incarnation, other.Host, other.Slots, other.ThreadsPerSlot, other.Device, other.MemoryBytes)
        && (Version, NumericsFingerprint, Draining, HttpAddress, AgentPid) == (other.Version, other.NumericsFingerprint, other.Draining, other.HttpAddress, other.AgentPid);
}

/// <param name="Slots">Slots it holds, as <see cref="StartRank.Slots"/> said.</param>
/// <param name="HasExited">The process is gone; its <see cref="RankExited"/> was not acknowledged yet.</param>
public sealed record RunningRank(TrialId Trial, int Attempt, int Rank, int Slots, int Pid, bool HasExited);

/// <summary>Coordinator → agent. An agent that sees a new cluster id rebuilds its actor system (DESIGN §2).</summary>
public sealed record NodeRegistered(NodeId Node, string ClusterId, long Term) : INodeProtocol, ICoordinatorCommand;

/// <summary>Coordinator → agent: it cannot serve here. The agent shows the reason and ends, or keeps asking where it was told to.</summary>
public sealed record NodeRefused(NodeId Node, string Reason) : INodeProtocol;

/// <summary>Agent → coordinator, best effort, when it ends in good order: its slots leave the inventory at once.</summary>
public sealed record NodeLeaving(NodeId Node, long Incarnation) : INodeProtocol;
