using System.Collections.Immutable;
using Volley.Shared.Messages;

namespace Volley.Coordinator.Sweeps;

/// <summary>What becomes of attempts when nodes come and go.</summary>
internal static partial class SweepDecider
{
    /// <summary>A node says what it runs: ranks of the running attempts are adopted, others are stale, and what is missing is lost.</summary>
    private static void Reconcile(SweepTurn turn, NodeAppeared appeared)
    {
        var listed = appeared.Running.Where(rank => rank.Trial.Sweep == turn.State.Id).ToList();
        foreach (var rank in listed)
        {
            if (turn.State.FindOpen(rank.Trial) is { Phase: TrialPhase.Running } trial && trial.Attempt == rank.Attempt
                && trial.Members.Any(member => member.Rank == rank.Rank && member.Node == appeared.Node))
            {
                if (!rank.HasExited && trial.Live.Pids.GetValueOrDefault(rank.Rank, -1) != rank.Pid)
                    turn.Emit(new RankConfirmed(trial.Number, rank.Attempt, rank.Rank, rank.Pid));
            }
            else if (!rank.HasExited)
            {
                turn.Do(new ToNode(appeared.Node, new AttemptIsStale(turn.State.Term, rank.Trial, rank.Attempt)));
            }
        }

        foreach (var number in turn.State.RunningOn.GetValueOrDefault(appeared.Node, []))
        {
            var trial = turn[number];
            foreach (var member in trial.Members.Where(member => member.Node == appeared.Node && !trial.Ended.ContainsKey(member.Rank)))
            {
                if (listed.Any(rank => rank.Trial.Number == number && rank.Attempt == trial.Attempt && rank.Rank == member.Rank)) continue;
                if (appeared.IsOnlyMissing && trial.Live.Pids.ContainsKey(member.Rank)) continue;      // it has started since
                var reason = member.Incarnation != appeared.Incarnation ? $"The agent of {member.Node} was restarted."
                    : trial.Live.Pids.ContainsKey(member.Rank) ? $"The agent of {member.Node} no longer knows rank {member.Rank}."
                    : null;                                            // never started: the command is repeated
                if (reason is not null) EndAttempt(turn, number, RankEnd.Lost, reason, member.Node.Value, []);
                else if (trial.Live.StopCause is { } cause) EndAttempt(turn, number, RankEnd.Stopped, "", "", [], cause);
                else continue;
                break;
            }
        }
    }

    private static void Lose(SweepTurn turn, NodeLost lost)
    {
        foreach (var number in turn.State.RunningOn.GetValueOrDefault(lost.Node, []))
            EndAttempt(turn, number, RankEnd.Lost, $"Node {lost.Node} was lost: {lost.Reason}", lost.Node.Value, []);
        foreach (var number in turn.State.Running) AskAnotherThan(turn, number, lost.Node);
    }

    /// <summary>Over, for whatever reason. Ranks that may live are killed: the attempt's number fences them, this only frees their slots sooner.</summary>
    /// <param name="exit">The exit that ended it, which knows its steps to the last; null: only progress is known.</param>
    private static void EndAttempt(SweepTurn turn, int number, RankEnd end, string error, string node, ImmutableArray<string> lastLogLines, string? cause = null, RankExited? exit = null)
    {
        var trial = turn[number];
        var id = turn.State.IdOf(number);
        var (start, last) = (exit?.StartStep ?? trial.Live.Progress?.StartStep, exit?.LastStep ?? trial.Live.Progress?.Step);
        turn.Emit(new AttemptEnded(number, trial.Attempt, end, MessageLimits.Clip(error), node, lastLogLines, turn.Now, start, last, trial.Live.FirstStepAt, cause));
        if (end != RankEnd.Finished)
            foreach (var other in trial.Members.Where(member => !trial.Ended.ContainsKey(member.Rank)).Select(member => member.Node).Distinct())
                turn.Do(new ToNode(other, new StopRank(turn.State.Term, id, trial.Attempt, StopMode.Kill)));
        turn.Do(new ReleaseSlots(id, trial.Attempt, trial.Members, MayRun: true));
    }
}
