namespace Volley.GpuNode.Collectives.SharedMemory;

/// <summary>
/// Where things lie in a segment: a header, then one block per rank, which that rank alone writes: words, small slots (the latency
/// algorithm), in-slots (what it lays out for the chunks' owners), out-slots (the sums of its own chunk).
/// </summary>
internal sealed class SegmentLayout
{
    public const int HeaderBytes = 4096;

    /// <summary>Segments under way at once: one is filled while another is summed, a third taken, with one to spare.</summary>
    public const int Depth = 4;

    /// <summary>Operations that a rank may be ahead of its peers: small slots and signatures.</summary>
    public const int Ahead = 4;

    private const int Line = 64;

    private readonly int _smallBytes;
    private readonly int _smallReadBytes;
    private readonly int _pieces;
    private readonly long _rankBytes;

    public SegmentLayout(ShardAssignment shards, SharedMemorySettings settings)
    {
        WorldSize = shards.WorldSize;
        _pieces = Enumerable.Range(0, WorldSize).Max(position => shards.PiecesOf(position).Length);
        _smallBytes = settings.SmallBytes / Line * Line;
        _smallReadBytes = settings.SmallReadBytes;
        RegionBytes = Math.Max(Line, Math.Min(settings.SegmentBytes, settings.SlotBytes / (WorldSize * _pieces)) / Line * Line);
        _rankBytes = RankWords.Bytes + (long)Ahead * _smallBytes + Depth * ((long)WorldSize * _pieces * RegionBytes + RegionBytes);
        _rankBytes = (_rankBytes + 4095) / 4096 * 4096;
    }

    public int WorldSize { get; }

    /// <summary>Longest segment of a chunk.</summary>
    public int RegionBytes { get; }

    public long TotalBytes => HeaderBytes + WorldSize * _rankBytes;

    public long RankOf(int position) => HeaderBytes + position * _rankBytes;

    /// <returns>Whether an operation whose ranks contribute buffers of so many bytes goes through small slots.</returns>
    public bool IsSmall(long bytes) => Rounded(bytes) * _pieces <= _smallBytes && Rounded(bytes) * _pieces * (WorldSize - 1) <= _smallReadBytes;

    /// <param name="sequence">Of the operation.</param>
    /// <param name="bytes">Of each piece.</param>
    public long Small(int position, long sequence, int piece, long bytes) =>
        RankOf(position) + RankWords.Bytes + sequence % Ahead * _smallBytes + piece * Rounded(bytes);

    /// <summary>Where a rank lays out what the owner of a chunk is to add.</summary>
    /// <param name="segment">Counted over the life of the group.</param>
    public long In(int position, long segment, int owner, int piece) =>
        RankOf(position) + RankWords.Bytes + (long)Ahead * _smallBytes + ((segment % Depth * WorldSize + owner) * _pieces + piece) * RegionBytes;

    /// <summary>Where the owner of a chunk puts a segment of it for all.</summary>
    public long Out(int position, long segment) =>
        RankOf(position) + RankWords.Bytes + (long)Ahead * _smallBytes + ((long)Depth * WorldSize * _pieces + segment % Depth) * RegionBytes;

    private static long Rounded(long bytes) => (bytes + Line - 1) / Line * Line;
}
