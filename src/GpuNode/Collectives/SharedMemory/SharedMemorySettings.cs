namespace Volley.GpuNode.Collectives.SharedMemory;

/// <summary>Times and sizes of shared-memory groups. Sizes must be equal on every rank.</summary>
internal sealed record SharedMemorySettings
{
    public static SharedMemorySettings Default { get; } = new();

    /// <summary>tmpfs by definition (shm_overview(7)).</summary>
    public string Directory { get; init; } = "/dev/shm";

    /// <summary>From the group's description to all ranks having mapped the segment: peers learn it seconds apart.</summary>
    public TimeSpan Form { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Each rank shows that often, from a thread of its own, that it lives; as often it looks after its peers' processes.</summary>
    public TimeSpan Heartbeat { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>A process that is there but does not run (stopped, frozen) is lost after this.</summary>
    public TimeSpan Silence { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>One operation, all of whose peers live. Not a guard against slowness: the end of a wait that nothing else would end.</summary>
    public TimeSpan Operation { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>Most bytes of a chunk that travel at once: a segment.</summary>
    public int SegmentBytes { get; init; } = 128 * 1024;

    /// <summary>What one rank may lay out per segment, for all chunks and pieces together; many ranks mean shorter segments.</summary>
    public int SlotBytes { get; init; } = 512 * 1024;

    /// <summary>What one rank contributes to an operation at most for the latency algorithm.</summary>
    public int SmallBytes { get; init; } = 128 * 1024;

    /// <summary>
    /// What one rank reads of all peers at most for the latency algorithm: W − 1 whole contributions, where the other one moves
    /// 2(W − 1)/W of one but waits twice and wakes a thread. For two ranks both move the same. From these costs; README has what was measured.
    /// </summary>
    public int SmallReadBytes { get; init; } = 256 * 1024;
}
