using Volley.Shared.Messages;

namespace Volley.Coordinator.Sweeps;

/// <summary>Attempts that stop in good order: a checkpoint, and on to other slots.</summary>
internal static partial class SweepDecider
{
    private static void Yield(SweepTurn turn, YieldSlots yield)
    {
        if (turn.State.FindOpen(turn.State.IdOf(yield.Trial)) is { Phase: TrialPhase.Running, Live.StopCause: null } trial && trial.Attempt == yield.Attempt)
            Yield(turn, yield.Trial, yield.Cause);
    }

    private static void Yield(SweepTurn turn, int number, string cause)
    {
        if (turn[number].Live is { Pids.IsEmpty: true, IsAdopted: false } && !turn[number].Members.Any(member => member.IsKept)) EndAttempt(turn, number, RankEnd.Stopped, "", "", [], cause);      // not under way yet: nothing to save
        else AskToStop(turn, number, cause);
    }

    private static void AskToStop(SweepTurn turn, int number, string cause)
    {
        Withdraw(turn, number);
        turn.Emit(new StopAsked(number, cause));
        SendStops(turn, number);
    }

    private static void SendStops(SweepTurn turn, int number)
    {
        var trial = turn[number];
        // One that goes on from an earlier attempt has to know this one before it can be stopped in it, with all it has in memory.
        if (trial.Members.Any(member => member.IsKept && !trial.Live.Pids.ContainsKey(member.Rank) && !trial.Ended.ContainsKey(member.Rank))) SendStarts(turn, number);
        foreach (var node in trial.Members.Where(member => !trial.Ended.ContainsKey(member.Rank)).Select(member => member.Node).Distinct())
            turn.Do(new ToNode(node, new StopRank(turn.State.Term, turn.State.IdOf(number), trial.Attempt, StopMode.Graceful)));
        turn.Emit(new CommandSent(number, turn.Now));
    }
}
