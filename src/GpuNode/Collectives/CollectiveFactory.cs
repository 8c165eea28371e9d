using Volley.GpuNode.Collectives.Hierarchical;
using Volley.GpuNode.Collectives.SharedMemory;
using Volley.GpuNode.Collectives.Transport;
using Volley.Shared;

namespace Volley.GpuNode.Collectives;

/// <summary>How ranks are to reach each other. Auto: by where they are.</summary>
internal enum TransportChoice { Auto, Shm, Tcp, Hierarchical }

/// <summary>Chooses a group's transport from where its ranks are, and builds it.</summary>
internal static class CollectiveFactory
{
    /// <summary>Blocks until the group has formed. Every rank makes its collectives of a group in the same order, with the same choice.</summary>
    /// <param name="listener">This rank's, at the port that the group's members know.</param>
    /// <param name="channel">Letters and digits: tells collectives of the same group apart.</param>
    /// <param name="log">Told once what was chosen.</param>
    /// <param name="cancel">Ends the wait for ranks that will not come.</param>
    /// <exception cref="PeerLostException">Not all ranks came in time.</exception>
    /// <exception cref="UserErrorException">The choice does not fit where the ranks are, there is no memory for it, or a peer means another group.</exception>
    public static ICollective Create(GroupDescription group, int position, GroupListener listener, TransportChoice choice = TransportChoice.Auto, string channel = "gradients", Action<string>? log = null, CancellationToken cancel = default)
    {
        var transport = Choose(group, choice);
        log?.Invoke($"Trial {group.Trial}, attempt {group.Attempt}: {group.WorldSize} ranks on {Machines(group)} exchange {channel} over {Word(transport)}{(choice == TransportChoice.Auto ? "" : ", as asked for")}.");
        // A listener tells groups apart by their trial and attempt.
        var own = group with { Trial = $"{group.Trial}/{channel}" };
        return transport switch
        {
            TransportChoice.Shm => SharedMemoryCollective.Open(group, position, channel, cancel: cancel),
            TransportChoice.Hierarchical => HierarchicalCollective.Connect(own, position, listener, cancel: cancel),
            _ => TcpCollective.Connect(own, position, listener, cancel: cancel),
        };
    }

    /// <summary>Never Auto.</summary>
    public static TransportChoice Choose(GroupDescription group, TransportChoice choice)
    {
        if (choice == TransportChoice.Shm && !group.IsOneMachine)
            throw new UserErrorException($"--transport shm: the {group.WorldSize} ranks are on {Machines(group)} ({string.Join(", ", group.Members.Select(member => member.Machine).Distinct())}); memory is shared on one machine only. Use auto or tcp.");
        if (choice != TransportChoice.Auto) return choice;
        if (group.IsOneMachine) return TransportChoice.Shm;
        var machines = group.Members.Select(member => member.Machine).Distinct().Count();
        return machines < group.WorldSize ? TransportChoice.Hierarchical : TransportChoice.Tcp;
    }

    private static string Machines(GroupDescription group) =>
        group.Members.Select(member => member.Machine).Distinct().Count() is var count && count == 1 ? "1 machine" : $"{count} machines";

    private static string Word(TransportChoice transport) => transport switch
    {
        TransportChoice.Shm => "shared memory",
        TransportChoice.Hierarchical => "shared memory on each machine and TCP between them",
        _ => "TCP",
    };
}
