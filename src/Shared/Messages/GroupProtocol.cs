using System.Collections.Immutable;
using Volley.Shared.Identifiers;

namespace Volley.Shared.Messages;

/// <summary>A rank of a group, and where its peers reach it.</summary>
/// <param name="Rank">Its number in the trial: survivors keep theirs, a replacement takes the lost one's.</param>
/// <param name="Machine">Equal for ranks that share memory. At most <see cref="MessageLimits.GroupTextBytes"/>.</param>
/// <param name="Host">At most <see cref="MessageLimits.GroupTextBytes"/>.</param>
/// <param name="Step">Completed steps it has in memory; −1: nothing yet.</param>
public sealed record GroupAddress(int Rank, string Machine, string Host, int Port, long Step);

/// <summary>
/// A rank of a group listens for its peers. Agent → coordinator; sent again, at each connection and about every second, until
/// <see cref="FormGroup"/>. Volatile: a coordinator that was restarted hears it again.
/// </summary>
public sealed record RankReady(TrialId Trial, int Attempt, NodeId Node, GroupAddress Address) : ITrialProtocol;

/// <summary>
/// All ranks of the attempt are ready: form the group. Coordinator → agent of each member. A new coordinator may draw another secret for a
/// group it has not seen form; ranks that are connected already ignore it, others begin anew.
/// </summary>
/// <param name="Members">By ascending number.</param>
public sealed record FormGroup(long Term, TrialId Trial, int Attempt, ImmutableArray<GroupAddress> Members, GroupSecret Secret) : ITrialProtocol, ICoordinatorCommand
{
    public bool Equals(FormGroup? other) =>
        other is not null && (Term, Trial, Attempt) == (other.Term, other.Trial, other.Attempt) && Secret.Equals(other.Secret) && Members.SequenceEqual(other.Members);

    public override int GetHashCode() => HashCode.Combine(Term, Trial, Attempt);
}

/// <summary>
/// The group of this rank is over, and the rank waits for the next attempt with all it has in memory. Agent → coordinator; sent again until a
/// newer attempt or a stop comes.
/// </summary>
/// <param name="Lost">Numbers of the ranks that it knows to be gone; empty: only that the group is over.</param>
/// <param name="Step">Completed steps it has in memory; −1: nothing yet.</param>
public sealed record RankWaiting(TrialId Trial, int Attempt, int Rank, NodeId Node, ImmutableArray<int> Lost, long Step, string Reason) : ITrialProtocol
{
    public bool Equals(RankWaiting? other) =>
        other is not null && (Trial, Attempt, Rank, Node, Step, Reason) == (other.Trial, other.Attempt, other.Rank, other.Node, other.Step, other.Reason) && Lost.SequenceEqual(other.Lost);

    public override int GetHashCode() => HashCode.Combine(Trial, Attempt, Rank);
}
