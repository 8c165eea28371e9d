using System.Collections.Immutable;
using System.Net.Sockets;
using Volley.GpuNode.Collectives.Transport;

namespace Volley.GpuNode.Collectives.Tcp;

/// <summary>The ranks of a mesh that exchange with each other, and the shards they contribute.</summary>
/// <param name="Positions">In the mesh, ascending; index = place in this group.</param>
/// <param name="Own">Place of this rank.</param>
internal sealed record TcpGroup(PeerMesh Mesh, ImmutableArray<int> Positions, int Own, ShardAssignment Shards)
{
    private readonly ImmutableArray<int> _pieces = [.. Enumerable.Range(0, Shards.WorldSize).Select(place => Shards.PiecesOf(place).Length)];

    public int WorldSize => Positions.Length;

    public int PiecesOf(int place) => _pieces[place];

    /// <summary>Index of a rank's first piece among all.</summary>
    public int FirstLeafOf(int place) => _pieces.AsSpan(0, place).ToArray().Sum();

    public int Leaves => _pieces.Sum();

    public IEnumerable<int> Others => Enumerable.Range(0, WorldSize).Where(place => place != Own);

    public Socket Contributions(int place) => Mesh.Data(Positions[place], Channels.Contributions);

    public Socket Results(int place) => Mesh.Data(Positions[place], Channels.Results);
}
