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
        if (turn[number].Live is { Pids.IsEmpty: true, IsAdopted: false }) EndAttempt(turn, number, RankEnd.Stopped, "", "", [], cause);      // not under way yet: nothing to save
        else AskToStop(turn, number, cause);
    }

    private static void AskToStop(SweepTurn turn, int number, string cause)
    {
        turn.Emit(new StopAsked(number, cause));
        SendStops(turn, number);
    }

    private static void SendStops(SweepTurn turn, int number)
    {
        var trial = turn[number];
        foreach (var node in trial.Members.Where(member => !trial.Ended.ContainsKey(member.Rank)).Select(member => member.Node).Distinct())
            turn.Do(new ToNode(node, new StopRank(turn.State.Term, turn.State.IdOf(number), trial.Attempt, StopMode.Graceful)));
        turn.Emit(new CommandSent(number, turn.Now));
    }
}
