using System.Collections.Immutable;

namespace Volley.GpuNode.Collectives;

/// <summary>One rank of a group, and where it listens.</summary>
/// <param name="Rank">Its number in the trial, which a replacement takes over.</param>
/// <param name="Machine">Equal for ranks that share memory: the node's name and boot id.</param>
/// <param name="Host">Address its peers dial.</param>
/// <param name="Step">Completed steps it has in memory; −1: nothing yet.</param>
public sealed record GroupMember(int Rank, string Machine, string Host, int Port, long Step);

/// <summary>All that the ranks of an attempt must agree on before they exchange a byte.</summary>
/// <param name="Members">By position: ascending rank numbers.</param>
/// <param name="Shards">S.</param>
/// <param name="PlanHash">Of the bucket plan: equal on every rank or the handshake is refused.</param>
/// <param name="Secret">32 bytes, made for this attempt; never in argv, journal, log or describe.</param>
public sealed record GroupDescription(string Trial, int Attempt, ImmutableArray<GroupMember> Members, int Shards, string PlanHash, ReadOnlyMemory<byte> Secret)
{
    public int WorldSize => Members.Length;

    public int PositionOf(int rank) => Members.Select((member, position) => (member, position)).First(at => at.member.Rank == rank).position;

    public bool IsOneMachine => Members.All(member => member.Machine == Members[0].Machine);

    /// <summary>Position of the member whose state the others take: most completed steps, then the lowest.</summary>
    public int Source => Members.Select((member, position) => (member, position)).OrderByDescending(at => at.member.Step).ThenBy(at => at.position).First().position;
}
