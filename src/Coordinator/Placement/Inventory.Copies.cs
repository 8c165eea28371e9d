using System.Collections.Immutable;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;

namespace Volley.Coordinator.Placement;

/// <summary>Who can take a copy of a checkpoint, and where those who have one are reached.</summary>
internal sealed partial record Inventory
{
    /// <summary>A start names so many holders of each checkpoint, those that can be reached first: messages have an end.</summary>
    private const int MaxHoldersNamed = 3;

    /// <summary>
    /// Another machine before another agent of the same one; of those the next by name after the source, so that copies spread evenly and
    /// those of one agent lie together.
    /// </summary>
    /// <returns>Null: there is no other agent.</returns>
    public NodeId? CopyTarget(NodeId source, ImmutableArray<NodeId> tried)
    {
        var host = Find(source)?.Registration.Host;
        var candidates = Nodes.Values.Where(node => CanHoldCopies(node) && node.Id != source && !tried.Contains(node.Id)).ToList();
        return candidates
            .OrderBy(node => node.Registration.Host == host)
            .ThenBy(node => string.CompareOrdinal(node.Id.Value, source.Value) < 0)
            .ThenBy(node => node.Id.Value, StringComparer.Ordinal)
            .FirstOrDefault()?.Id;
    }

    /// <summary>The same message, with the addresses of the holders it names; those that cannot be reached have none.</summary>
    public IVolleyMessage WithAddresses(IVolleyMessage message) => message switch
    {
        StartRank start => start with { ResumeFrom = [.. start.ResumeFrom.Select(WithAddresses)] },
        CopyCheckpoint copy => copy with { Checkpoint = WithAddresses(copy.Checkpoint) },
        _ => message,
    };

    private CheckpointReference WithAddresses(CheckpointReference checkpoint) => checkpoint.Holders is not { } holders ? checkpoint : checkpoint with
    {
        Holders =
        [
            .. holders.Select(holder => holder with { HttpAddress = Find(holder.Node) is { IsReachable: true } node ? node.Registration.HttpAddress : "" })
                .OrderBy(holder => holder.HttpAddress.Length == 0).Take(MaxHoldersNamed),
        ],
    };

    /// <summary>Machines on which trials keep failing may still hold bytes; those that are to leave may not.</summary>
    private static bool CanHoldCopies(NodeState node) =>
        node is { IsReachable: true, Registration: { Draining: false, HttpAddress.Length: > 0 }, SetAside: null or { Kind: SetAsideKind.Failing } };
}
