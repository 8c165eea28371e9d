using System.Collections.Immutable;
using Volley.GpuNode.Link;
using Volley.Shared.Messages;
using Volley.Shared.Results;

namespace Volley.GpuNode.Agent;

/// <summary>What a rank's process does, as the supervisor tells it: in order, the exit last and exactly once per start.</summary>
internal interface IRankEvents
{
    void OnStarted(RankKey key, int pid);

    void OnProgress(ProgressReport progress);

    void OnEpoch(RankKey key, EpochMetrics epoch);

    void OnCheckpoint(RankKey key, CheckpointReport checkpoint);

    /// <summary>It listens for its peers in the attempt of <paramref name="key"/>.</summary>
    void OnGroupReady(RankKey key, GroupAddress address);

    /// <summary>Its group is over; it waits.</summary>
    void OnPeerLost(RankKey key, ImmutableArray<int> lost, long step, string reason);

    /// <summary>The process is confirmed dead: its slots are free.</summary>
    void OnExited(RankKey key, RankExit exit);
}

/// <param name="Error">One clear message; empty where there is nothing to say.</param>
internal sealed record RankExit(RankEnd End, TrialOutcome? Outcome, string Error, bool IsUserError, IReadOnlyList<string> LastLogLines)
{
    /// <summary>Completed steps it began with; null: it never got so far.</summary>
    public long? StartStep { get; init; }

    /// <summary>Completed steps when it ended.</summary>
    public long? LastStep { get; init; }

    /// <summary>Of the data it opened; empty: it never got so far.</summary>
    public string DataDigest { get; init; } = "";
}
