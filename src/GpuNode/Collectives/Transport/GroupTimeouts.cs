namespace Volley.GpuNode.Collectives.Transport;

/// <summary>Every wait of a group over sockets has one of these limits.</summary>
public sealed record GroupTimeouts
{
    public static GroupTimeouts Default { get; } = new();

    /// <summary>From the group's description to every pair being connected: peers learn it seconds apart, when their agents do.</summary>
    public TimeSpan Form { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>One connection attempt to an address that does not answer.</summary>
    public TimeSpan Connect { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Between attempts to reach a peer that is not up, or does not know the group yet.</summary>
    public TimeSpan Retry { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>For all of a handshake: one who connects and says nothing holds a thread no longer.</summary>
    public TimeSpan Handshake { get; init; } = TimeSpan.FromSeconds(5);

    public TimeSpan HeartbeatPeriod { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>A peer whose heartbeats stay out for so long is lost: with the period above, a machine or link that goes is noticed within 5 s.</summary>
    public TimeSpan Silence { get; init; } = TimeSpan.FromSeconds(4);

    /// <summary>After a connection broke: time for the notice that says why (a peer that leaves tells who was lost before it closes).</summary>
    public TimeSpan Verdict { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>One operation, all of whose peers live. Not a guard against slowness: the end of a wait that nothing else would end.</summary>
    public TimeSpan Operation { get; init; } = TimeSpan.FromMinutes(30);
}
