using System.Collections.Immutable;
using Volley.GpuNode.Checkpointing;
using Volley.GpuNode.Collectives;

namespace Volley.GpuNode.Training.Groups;

/// <summary>The ranks of a trial as its trainer sees them: a group forms, is trained with, is over, and the next one forms.</summary>
internal interface ITrialRanks
{
    /// <summary>The newest that this rank was told to be in.</summary>
    int Attempt { get; }

    /// <summary>A newer attempt than the group's was announced: leave at a step boundary.</summary>
    bool IsNewerWanted { get; }

    /// <summary>Blocks until a group stands that is newer than the last one.</summary>
    /// <param name="step">Completed steps in memory; −1: nothing.</param>
    /// <param name="planHash">What the ranks must agree on.</param>
    /// <returns>Null: told to stop before one stood. Else the caller's, to be disposed before the next one is formed.</returns>
    /// <exception cref="PeerLostException">One was lost while the group formed.</exception>
    /// <exception cref="Shared.UserErrorException">The ranks do not agree.</exception>
    RankGroup? Form(long step, string planHash, CancellationToken stop);

    /// <summary>The group is over, unasked. Tells whoever forms the next one.</summary>
    void Lost(PeerLostException lost, long step);
}

/// <summary>A group that stands, from one rank's place in it.</summary>
/// <param name="Collective">Null: this rank is alone and runs all shards.</param>
/// <param name="Members">By position.</param>
internal sealed record RankGroup(int Attempt, int Position, ImmutableArray<GroupMember> Members, ICollective? Collective) : IDisposable
{
    /// <summary>Where to start from if no rank has anything in memory; null: where the run was told to at its start.</summary>
    public IReadOnlyList<ResumeSource>? ResumeFrom { get; init; }

    /// <summary>Position 0 writes the checkpoints and gives the outcome.</summary>
    public bool IsSpeaker => Position == 0;

    public int WorldSize => Math.Max(1, Members.Length);

    public void Dispose() => Collective?.Dispose();
}

/// <summary>A trial of one process without others: one group, from the start.</summary>
internal sealed class LoneRank(int attempt) : ITrialRanks
{
    public int Attempt => attempt;

    public bool IsNewerWanted => false;

    public RankGroup? Form(long step, string planHash, CancellationToken stop) => new(attempt, 0, [], null);

    public void Lost(PeerLostException lost, long step) => throw new InvalidOperationException("A rank without peers lost one.", lost);
}
