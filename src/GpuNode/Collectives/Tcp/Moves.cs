using System.Runtime.InteropServices;

namespace Volley.GpuNode.Collectives.Tcp;

/// <summary>What moves data without adding: all-gather (each rank's chunk from it to all) and broadcast (the root's bytes to all).</summary>
internal sealed class Moves(TcpGroup group) : IDisposable
{
    private readonly Staging _announcements = new();

    public void Run(Operation operation, Pump pump)
    {
        var announcements = _announcements.Take((long)Announcement.Bytes * (group.WorldSize + 1));
        Announcement.Write(announcements, operation);
        var flows = new List<Flow>();
        foreach (var place in group.Others)
        {
            var peer = group.Positions[place];
            flows.Add(new AnnouncedReceive(group.Contributions(place), peer, announcements + Announcement.Bytes * (place + 1), operation, group.Positions[group.Own]));
            flows.Add(new AnnouncedSend(group.Contributions(place), peer, announcements));
            var (from, to) = operation.Kind == OperationKind.AllGather
                ? (ChunkOf(operation, place), ChunkOf(operation, group.Own))
                : (Whole(operation, place), Whole(operation, group.Own));
            flows.Add(new TakeBlock(group.Results(place), peer, from.At, from.Bytes));
            flows.Add(new GiveBlock(group.Results(place), peer, to.At, to.Bytes));
        }
        pump.Run(CollectionsMarshal.AsSpan(flows), operation);
    }

    public void Dispose() => _announcements.Dispose();

    private (nint At, long Bytes) ChunkOf(Operation operation, int place)
    {
        var (start, length) = Chunks.Of(operation.Count, group.WorldSize, place, operation.ElementBytes);
        return (operation.Buffers[0] + (nint)(start * operation.ElementBytes), length * operation.ElementBytes);
    }

    private static (nint At, long Bytes) Whole(Operation operation, int place) => (operation.Buffers[0], place == operation.Root ? operation.Count : 0);
}
