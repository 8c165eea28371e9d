namespace Volley.GpuNode.Collectives.SharedMemory;

/// <summary>How an operation's chunks are cut into segments: as many on every rank, of equal length but for the last.</summary>
internal readonly struct SegmentPlan
{
    private readonly Operation _operation;
    private readonly int _worldSize;
    private readonly long _length;

    public SegmentPlan(Operation operation, int worldSize, int regionBytes)
    {
        (_operation, _worldSize) = (operation, worldSize);
        var longest = Enumerable.Range(0, worldSize).Max(ChunkLength);
        Count = Math.Max(1, (longest + regionBytes / operation.WireBytes - 1) / (regionBytes / operation.WireBytes));
        // A region holds whole cache lines of the type that travels, so this is no longer than one.
        var line = 64 / operation.WireBytes;
        _length = ((longest + Count - 1) / Count + line - 1) / line * line;
    }

    /// <summary>At least 1: an operation of nothing is one that ranks meet in.</summary>
    public long Count { get; }

    /// <returns>In elements of the caller's buffer; a length of 0 where this chunk is shorter.</returns>
    public (long Start, long Length) Of(int owner, long segment)
    {
        var (start, length) = Chunk(owner);
        var skipped = Math.Min(length, segment * _length);
        return (start + skipped, Math.Min(_length, length - skipped));
    }

    private (long Start, long Length) Chunk(int owner) => _operation.Kind == OperationKind.Broadcast
        ? (0, owner == _operation.Root ? _operation.Count : 0)   // the root's chunk is all of it
        : Chunks.Of(_operation.Count, _worldSize, owner, _operation.ElementBytes);

    private long ChunkLength(int owner) => Chunk(owner).Length;
}
