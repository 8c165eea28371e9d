using System.Collections.Immutable;
using Volley.GpuNode.Link;
using Volley.Shared.Messages;
using Volley.Shared.Results;

namespace Volley.GpuNode.Agent;

/// <summary>Everything that can happen to an agent.</summary>
internal abstract record AgentInput
{
    /// <summary>A node actor can send now (first join, or a rebuilt actor system).</summary>
    public sealed record Connected : AgentInput;

    /// <summary>The actor system is gone; ranks run on.</summary>
    public sealed record Disconnected : AgentInput;

    /// <summary>From the coordinator.</summary>
    public sealed record Heard(IVolleyMessage Message) : AgentInput;

    public sealed record Started(RankKey Rank, int Pid) : AgentInput;

    public sealed record Progressed(ProgressReport Progress) : AgentInput;

    public sealed record EpochDone(RankKey Rank, EpochMetrics Epoch) : AgentInput;

    public sealed record CheckpointDone(RankKey Rank, CheckpointReport Checkpoint) : AgentInput;

    /// <summary>A rank of a group listens for its peers.</summary>
    /// <param name="Address">Machine and host may be empty: this agent's.</param>
    public sealed record GroupReady(RankKey Rank, GroupAddress Address) : AgentInput;

    /// <summary>The group of that rank is over; it waits, with all it has.</summary>
    public sealed record PeerLost(RankKey Rank, ImmutableArray<int> Lost, long Step, string Reason) : AgentInput;

    /// <summary>The process is confirmed dead.</summary>
    public sealed record Exited(RankKey Rank, RankExit Exit) : AgentInput;

    /// <summary>About once a second.</summary>
    public sealed record Tick : AgentInput;

    /// <summary>SIGTERM: stop the ranks at their next step, report, end.</summary>
    /// <param name="AtOnce">A second one: kill them, report, end.</param>
    public sealed record Leave(bool AtOnce = false) : AgentInput;
}

/// <summary>Everything an agent can do about it.</summary>
internal abstract record AgentEffect
{
    /// <summary>To the coordinator, through the singleton proxy.</summary>
    public sealed record Send(IVolleyMessage Message) : AgentEffect;

    public sealed record Launch(StartRank Start, IReadOnlyList<int> Slots) : AgentEffect;

    public sealed record StopProcess(RankKey Rank, StopMode Mode) : AgentEffect;

    /// <summary>The process of <paramref name="Rank"/> is the rank of a later attempt from now on.</summary>
    public sealed record JoinAttempt(RankKey Rank, StartRank Start) : AgentEffect;

    public sealed record FormGroup(RankKey Rank, Shared.Messages.FormGroup Group) : AgentEffect;

    public sealed record DeleteCheckpoint(RetireCheckpoint Command) : AgentEffect;

    public sealed record FetchCopy(CopyCheckpoint Command) : AgentEffect;

    /// <summary>A rank that is about to start may find its checkpoint's holders elsewhere by now.</summary>
    public sealed record Readdress(StartRank Start) : AgentEffect;

    /// <summary>Another cluster lives at the coordinator's address: leave the old one and join it.</summary>
    public sealed record RebuildActorSystem : AgentEffect;

    /// <param name="Error">For the person at the terminal; null: ended as asked.</param>
    public sealed record Exit(string? Error) : AgentEffect;

    public sealed record Warn(string Text) : AgentEffect;
}
