namespace Volley.GpuNode.CheckpointCopies;

/// <summary>Every wait of a transfer between agents, by name.</summary>
internal sealed record FetchTimeouts
{
    /// <summary>To a holder: one that is there answers in milliseconds.</summary>
    public TimeSpan Connect { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Until the next bytes: a stopped machine keeps its connections open and says nothing.</summary>
    public TimeSpan Stall { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Before a holder that is busy with other transfers is asked again.</summary>
    public TimeSpan Busy { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// How long a rank waits for a holder that may come back, where no checkpoint at all can be had: a restarted agent needs seconds, a
    /// rebooted machine minutes. After it the trial starts from the beginning: the same numbers, later.
    /// </summary>
    public TimeSpan Return { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Between two looks for one that came back.</summary>
    public TimeSpan Look { get; init; } = TimeSpan.FromSeconds(1);
}
