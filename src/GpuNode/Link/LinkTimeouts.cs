namespace Volley.GpuNode.Link;

/// <summary>Every wait between agent and rank, by name.</summary>
public sealed record LinkTimeouts
{
    /// <summary>From the spawn to Hello. Starting .NET takes 0.1 s; a machine with every core taken by training may need a hundred times that.</summary>
    public TimeSpan Connect { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>From a connection to its first message, at the agent; from Hello to StartTrial, at the rank.</summary>
    public TimeSpan Hello { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>How often a rank says that it lives, from its own timer: training has a thread of its own and cannot delay it.</summary>
    public TimeSpan Heartbeat { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>
    /// This many heartbeats missed in a row, counted with the agent's own ticks, and the rank hangs: it is killed. Counting ticks
    /// rather than reading a clock keeps an agent that was itself stopped for a minute from blaming its ranks.
    /// </summary>
    public int MissedHeartbeats { get; init; } = 10;

    /// <summary>A rank that is silent for so long is killed.</summary>
    public TimeSpan Silence => Heartbeat * MissedHeartbeats;

    /// <summary>From a graceful stop to SIGKILL: a step, a checkpoint and a report fit, and an agent ends within 20 s.</summary>
    public TimeSpan Stop { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>From the end of the conversation to the end of the process.</summary>
    public TimeSpan Exit { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>From the end of the process to the end of its output: longer only where somebody else inherited the pipe.</summary>
    public TimeSpan Drain { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>The rank's last message to the agent, answered by the end of the call.</summary>
    public TimeSpan Goodbye { get; init; } = TimeSpan.FromSeconds(10);
}
