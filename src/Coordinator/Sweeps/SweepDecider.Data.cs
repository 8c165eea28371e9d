using Volley.Shared.Config;
using Volley.Shared.Messages;

namespace Volley.Coordinator.Sweeps;

/// <summary>
/// Every machine of a sweep trains on the same images. The first digest of a data set is the one; a rank that opened other data under the
/// same name says so before anything of it counts, its trial goes elsewhere unharmed, and its agent gets no more of this sweep until it is
/// started again.
/// </summary>
internal static partial class SweepDecider
{
    private static string DigestIn(ITrialProtocol report) => report switch
    {
        ProgressReport progress => progress.DataDigest,
        CheckpointReport checkpoint => checkpoint.DataDigest,
        RankExited exited => exited.DataDigest,
        _ => "",
    };

    /// <summary>On one machine there is nothing to compare with, and the rank itself knows what its checkpoint was trained on.</summary>
    /// <returns>Whether the report comes from other data: then its attempt is over.</returns>
    private static bool IsFromOtherData(SweepTurn turn, TrialState trial, ITrialProtocol report)
    {
        // Thousands of reports a second say the same again.
        if (DigestIn(report) is not { Length: > 0 } digest || digest == trial.Live.DataDigest || !turn.State.Submission!.IsForAnyMachine) return false;
        var rank = report switch { ProgressReport progress => progress.Rank, RankExited exited => exited.Rank, CheckpointReport checkpoint => checkpoint.Rank, _ => 0 };
        if (trial.MemberOf(rank) is not { } member) return false;

        var set = CanonicalJson.Sha256(trial.Spec.Train.Dataset);
        if (!turn.State.Data.TryGetValue(set, out var first))
        {
            first = new DataSeen(set, digest, member.Node, turn.Now);
            turn.Emit(first);
        }
        if (first.Digest == digest)
        {
            turn.Emit(new DataCompared(trial.Number, digest));
            return false;
        }

        var name = trial.Spec.Train.Dataset.Name;
        var reason = $"Its data set {name} has digest {Short(digest)}, that of {first.Node}, the first of this sweep, has {Short(first.Digest)}: other images or labels. "
            + $"Put the same data under its --data-root and start its agent again; if {first.Node} has the wrong ones, cancel the sweep and submit it again.";
        turn.Emit(new NodeAvoided(member.Node, member.Incarnation, reason, turn.Now));
        turn.Do(new AvoidNode(turn.State.Id, member.Node, member.Incarnation, reason));
        EndAttempt(turn, trial.Number, RankEnd.Lost, $"Node {member.Node} was set aside for this sweep. {reason}", member.Node.Value, []);
        return true;

        static string Short(string sha256) => sha256[..Math.Min(12, sha256.Length)];
    }
}
