namespace Volley.GpuNode.Collectives;

/// <summary>The group is over: a peer died, was silent, left, or this rank was told to leave. Expected: survivors keep their state and form the next group.</summary>
/// <param name="silentPeers">Positions that are known to be gone; empty where only the end of the group is known.</param>
public sealed class PeerLostException(int position, int worldSize, IReadOnlyList<int> silentPeers, string operation, string reason)
    : Exception($"{operation}: rank {position} of {worldSize} {(silentPeers.Count > 0 ? $"lost rank {string.Join(", ", silentPeers)}" : "left the group")}: {reason}")
{
    public int Position => position;

    public int WorldSize => worldSize;

    public IReadOnlyList<int> SilentPeers => silentPeers;

    public string Operation => operation;
}
