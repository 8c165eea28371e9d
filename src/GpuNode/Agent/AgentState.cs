using System.Collections.Immutable;
using Volley.GpuNode.Link;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;

namespace Volley.GpuNode.Agent;

/// <summary>What never changes in an agent's life: what it says of itself when it registers.</summary>
/// <param name="Pid">Of the agent's process.</param>
internal sealed record AgentFacts(
    NodeId Node, long Incarnation, string Host, int Slots, int ThreadsPerSlot, string Device, long MemoryBytes, string Version, string NumericsFingerprint, string HttpAddress = "",
    int Pid = 0);

internal enum RankPhase
{
    /// <summary>Accepted; its slots still belong to a process that is not confirmed dead.</summary>
    Waiting,

    /// <summary>Handed to the supervisor.</summary>
    Starting,
    Running,

    /// <summary>Confirmed dead; some of its reports are not acknowledged.</summary>
    Exited,
}

/// <summary>One rank as the agent knows it, from the command that started it to the acknowledgement of its exit.</summary>
/// <param name="Slots">Which ones it holds; empty while it waits and after its exit.</param>
/// <param name="Reports">Not acknowledged, oldest first. Never dropped while the attempt is current.</param>
/// <param name="Progress">The newest one; older ones are of no interest.</param>
/// <param name="IsForgotten">Its attempt is over for the coordinator: only the process's death is still awaited.</param>
internal sealed record RankEntry(
    StartRank Start, RankPhase Phase, ImmutableArray<int> Slots, int Pid, ImmutableList<ITrialProtocol> Reports, ProgressReport? Progress, bool IsForgotten)
{
    public RankKey Key => new(Start.Trial, Start.Attempt, Start.Rank);

    /// <summary>Attempt in which its process was started; lower than that of <see cref="Start"/> once it has joined later ones.</summary>
    public int BornIn { get; init; } = Start.Attempt;

    /// <summary>It listens for its peers; null: not in this attempt, or its group is over.</summary>
    public RankReady? Ready { get; init; }

    /// <summary><see cref="Ready"/> is sent again until the group was formed.</summary>
    public bool IsForming { get; init; }

    /// <summary>The newest one it was given in this attempt.</summary>
    public FormGroup? Group { get; init; }

    /// <summary>Its group is over; sent again until it is told what comes next.</summary>
    public RankWaiting? Waiting { get; init; }

    /// <summary>The same process as a rank of a later attempt: what it has not yet said it says as that.</summary>
    public RankEntry In(StartRank later) => this with
    {
        Start = later,
        Reports = Reports.ConvertAll(report => Of(report, later.Attempt)),
        Progress = null,
        Ready = null,
        IsForming = false,
        Group = null,
        Waiting = null,
    };

    public static ITrialProtocol Of(ITrialProtocol report, int attempt) => report switch
    {
        EpochReport epoch => epoch with { Attempt = attempt },
        CheckpointReport checkpoint => checkpoint with { Attempt = attempt },
        _ => report,
    };

    public bool HasProcess => Phase is RankPhase.Starting or RankPhase.Running;
}

/// <summary>Which starts of a trial are still acceptable.</summary>
/// <param name="LowestAttempt">Anything below is over.</param>
/// <param name="EndedRanks">Ranks of that attempt whose exit was acknowledged: a late repetition of their start means nothing.</param>
internal sealed record Fence(int LowestAttempt, ImmutableHashSet<int> EndedRanks)
{
    public static readonly Fence Open = new(0, []);

    public bool Refuses(StartRank start) => start.Attempt < LowestAttempt || (start.Attempt == LowestAttempt && EndedRanks.Contains(start.Rank));

    public Fence RaisedTo(int attempt) => attempt > LowestAttempt ? new Fence(attempt, []) : this;

    public Fence WithEnded(int attempt, int rank) =>
        attempt < LowestAttempt ? this : RaisedTo(attempt) is var raised ? raised with { EndedRanks = raised.EndedRanks.Add(rank) } : this;
}

/// <summary>Everything an agent knows and may not forget while it lives. Immutable; <see cref="AgentCore"/> makes the next one.</summary>
internal sealed record AgentState(AgentFacts Facts)
{
    /// <summary>Highest seen in this cluster; commands with a lower one are refused.</summary>
    public long Term { get; init; }

    /// <summary>Empty before the first registration was answered.</summary>
    public string ClusterId { get; init; } = "";

    /// <summary>There is an actor that can send.</summary>
    public bool IsConnected { get; init; }

    /// <summary>The coordinator has answered since then.</summary>
    public bool IsRegistered { get; init; }

    /// <summary>Set by SIGTERM: no new ranks; ends when the last has stopped and is reported.</summary>
    public bool IsLeaving { get; init; }

    /// <summary>Seconds of this agent's life, as its timer counts them.</summary>
    public long Ticks { get; init; }

    /// <summary>When it was told to leave; null: it was not.</summary>
    public long? LeavingSince { get; init; }

    /// <summary>When the last process ended while leaving; null: some live, or it is not leaving.</summary>
    public long? EmptySince { get; init; }

    /// <summary>In the order of their start.</summary>
    public ImmutableList<RankEntry> Ranks { get; init; } = [];

    /// <summary>Of the trials seen last, at most <see cref="AgentCore.MaxFences"/>.</summary>
    public ImmutableDictionary<TrialId, Fence> Fences { get; init; } = ImmutableDictionary<TrialId, Fence>.Empty;

    public ImmutableQueue<TrialId> FenceOrder { get; init; } = [];

    /// <summary>Commands refused for their term or attempt.</summary>
    public long StaleCommands { get; init; }

    public RegisterNode Registration() => new(
        Facts.Node, Facts.Incarnation, Facts.Host, Facts.Slots, Facts.ThreadsPerSlot, Facts.Device, Facts.MemoryBytes, Facts.Version, Facts.NumericsFingerprint,
        [.. Ranks.Where(rank => !rank.IsForgotten).Select(rank => new RunningRank(
            rank.Start.Trial, rank.Start.Attempt, rank.Start.Rank, rank.Start.Slots, rank.Pid, rank.Phase == RankPhase.Exited))],
        IsLeaving)
    {
        HttpAddress = Facts.HttpAddress,
        AgentPid = Facts.Pid,
    };
}
