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
            var trial = turn.State.FindOpen(rank.Trial) is { Phase: TrialPhase.Running } running ? running : null;
            var member = trial?.MemberOf(rank.Rank) is { } found && found.Node == appeared.Node ? found : null;
            if (member is not null && trial!.Attempt == rank.Attempt)
            {
                if (!rank.HasExited && trial.Live.Pids.GetValueOrDefault(rank.Rank, -1) != rank.Pid)
                    turn.Emit(new RankConfirmed(trial.Number, rank.Attempt, rank.Rank, rank.Pid));
            }
            else if (rank.HasExited || (member is { IsKept: true } && rank.Attempt < trial!.Attempt))
            {
                // Its exit is on its way; or it goes on, and its start is repeated until it has heard of it.
            }
            else if (trial is { IsGroup: true } && trial.Members.Any(other => other.Node == appeared.Node))
            {
                turn.Do(new ToNode(appeared.Node, new StopRank(turn.State.Term, rank.Trial, rank.Attempt, StopMode.Kill) { Rank = rank.Rank }));
            }
            else
            {
                turn.Do(new ToNode(appeared.Node, new AttemptIsStale(turn.State.Term, rank.Trial, rank.Attempt)));
            }
        }

        foreach (var number in turn.State.RunningOn.GetValueOrDefault(appeared.Node, [])) Miss(turn, number, appeared, listed);
    }

    /// <summary>What should run on that node and is not listed.</summary>
    private static void Miss(SweepTurn turn, int number, NodeAppeared appeared, List<RunningRank> listed)
    {
        var trial = turn[number];
        var (lost, unstarted) = (new List<int>(), new List<int>());
        var why = "";
        foreach (var member in trial.Members.Where(member => member.Node == appeared.Node && !trial.Ended.ContainsKey(member.Rank)))
        {
            if (listed.Any(rank => rank.Trial.Number == number && rank.Rank == member.Rank && (rank.Attempt == trial.Attempt || (member.IsKept && rank.Attempt < trial.Attempt)))) continue;
            if (appeared.IsOnlyMissing && trial.Live.Pids.ContainsKey(member.Rank)) continue;      // it has started since
            var reason = member.Incarnation != appeared.Incarnation ? $"The agent of {member.Node} was restarted."
                : trial.Live.Pids.ContainsKey(member.Rank) ? $"The agent of {member.Node} no longer knows rank {member.Rank}."
                : null;                                            // never started: the command is repeated
            (reason is null ? unstarted : lost).Add(member.Rank);
            if (why.Length == 0) why = reason ?? "";
        }
        if (lost.Count > 0 && trial.IsGroup) LoseRanks(turn, number, lost, why, appeared.Node.Value, []);
        else if (lost.Count > 0) EndAttempt(turn, number, RankEnd.Lost, why, appeared.Node.Value, []);
        else if (unstarted.Count > 0 && trial.Live.StopCause is { } cause)
        {
            if (trial.IsGroup) LoseRanks(turn, number, unstarted, cause, "", [], cause);
            else EndAttempt(turn, number, RankEnd.Stopped, "", "", [], cause);
        }
    }

    private static void Lose(SweepTurn turn, NodeLost lost)
    {
        foreach (var number in turn.State.RunningOn.GetValueOrDefault(lost.Node, []))
        {
            var (trial, reason) = (turn[number], $"Node {lost.Node} was lost: {lost.Reason}");
            if (trial.IsGroup) LoseRanks(turn, number, [.. trial.Members.Where(member => member.Node == lost.Node).Select(member => member.Rank)], reason, lost.Node.Value, []);
            else EndAttempt(turn, number, RankEnd.Lost, reason, lost.Node.Value, []);
        }
        foreach (var number in turn.State.Running) AskAnotherThan(turn, number, lost.Node);
    }

    /// <summary>Over, for whatever reason. Ranks that may live are killed: the attempt's number fences them, this only frees their slots sooner.</summary>
    /// <param name="exit">The exit that ended it, which knows its steps to the last; null: only progress is known.</param>
    private static void EndAttempt(SweepTurn turn, int number, RankEnd end, string error, string node, ImmutableArray<string> lastLogLines, string? cause = null, RankExited? exit = null)
    {
        Withdraw(turn, number);
        var trial = turn[number];
        var id = turn.State.IdOf(number);
        var (start, last) = (exit?.StartStep ?? trial.Live.Progress?.StartStep, exit?.LastStep ?? LastStepOf(trial));
        turn.Emit(new AttemptEnded(number, trial.Attempt, end, MessageLimits.Clip(error), node, lastLogLines, trial.Broken?.At ?? turn.Now, start, last, trial.Live.FirstStepAt, cause));
        if (end != RankEnd.Finished)
            foreach (var other in trial.Members.Where(member => !trial.Ended.ContainsKey(member.Rank)).Select(member => member.Node).Distinct())
                turn.Do(new ToNode(other, new StopRank(turn.State.Term, id, trial.Attempt, StopMode.Kill)));
        turn.Do(new ReleaseSlots(id, trial.Attempt, trial.Members, MayRun: true));
    }
}
