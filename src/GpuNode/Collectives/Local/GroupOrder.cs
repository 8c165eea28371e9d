using System.Collections.Immutable;
using System.Text.Json;
using Volley.GpuNode.Collectives.Transport;

namespace Volley.GpuNode.Collectives.Local;

/// <summary>One line on a rank's standard input: its group and what to do in it. Never in argv, for it holds the secret.</summary>
/// <param name="Argument">For the body; any text.</param>
internal sealed record GroupOrder(string Trial, int Attempt, ImmutableArray<GroupMember> Members, int Shards, string PlanHash, byte[] Secret, int Position, string Body, string Argument)
{
    public GroupDescription Group => new(Trial, Attempt, Members, Shards, PlanHash, Secret);

    public string ToLine() => JsonSerializer.Serialize(this);

    public static GroupOrder Parse(string line) => JsonSerializer.Deserialize<GroupOrder>(line) ?? throw new JsonException("The order is null.");
}

/// <summary>What a body gets.</summary>
/// <param name="Listener">This rank's port, as its peers know it.</param>
/// <param name="Commands">The rest of standard input.</param>
/// <param name="Report">One line to whoever started the group.</param>
internal sealed record GroupRankContext(GroupDescription Group, int Position, GroupListener Listener, string Argument, TextReader Commands, Action<string> Report);
