namespace Volley.GpuNode.Rank;

/// <summary>What a rank's process ends with. How the trial went is said over the link, not here.</summary>
internal static class RankExitCodes
{
    /// <summary>The agent has everything: finished, stopped or failed.</summary>
    public const int Told = 0;

    /// <summary>Not started by an agent, or refused by it (<see cref="Shared.UserErrorException.ExitCode"/>).</summary>
    public const int NotAttached = 2;

    /// <summary>The agent went away, so nobody reads what this rank writes.</summary>
    public const int AgentGone = 3;
}
