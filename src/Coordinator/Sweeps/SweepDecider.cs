using Volley.Coordinator.Search;
using Volley.Shared.Config;
using Volley.Shared.Messages;

namespace Volley.Coordinator.Sweeps;

/// <summary>
/// Every decision of a sweep, pure: (state, command, now) → events and effects. Events are in the journal before an effect happens,
/// so whatever is told to an agent is true after a crash. Handlers are idempotent: commands and reports arrive again.
/// </summary>
internal static partial class SweepDecider
{
    /// <summary>Until then a start or stop is taken to be on its way; after it, it is sent again.</summary>
    private static readonly TimeSpan RepeatAfter = TimeSpan.FromSeconds(2);

    /// <summary>A rank that is lost so often in a row without one new checkpoint is killed by what it does (a crash in native code), not by bad luck.</summary>
    private const int MaxLossesInARow = 10;

    /// <summary>Requests of one sweep that wait at once. The next follows when one is granted, in a message's time, however many trials wait.</summary>
    private const int MaxRequests = 8;

    /// <summary>Checkpoints a start names, newest first: that so many are damaged at once does not happen, and a message has an end.</summary>
    private const int MaxResumeSources = 16;

    private const string Paused = "The sweep was paused.";

    public static Decision Decide(SweepState state, SweepCommand command, DateTimeOffset now)
    {
        var turn = new SweepTurn(state, now);
        switch (command)
        {
            case Submit submit when state.Submission is null: turn.Emit(new SweepAccepted(submit.Submission, now)); break;
            case Submit again when state.Submission.ContentSha256 == again.Submission.ContentSha256 && state.Submission != again.Submission:
                turn.Emit(new SweepMoved(again.Submission, now));
                break;
            case Submit: break;
            // A sweep recovered by a coordinator that has a successor reads that one's events too, so no sequence number would stop it.
            case BeginTerm begin when begin.Term < state.Term:
                turn.Do(new Abdicate($"sweep-{state.Id}: term {state.Term} has begun; this coordinator's is {begin.Term}. It is no longer in charge and ends."));
                return turn.Decision;
            case BeginTerm begin: Begin(turn, begin.Term); break;
            case FromAgent report: Report(turn, report.Message); break;
            case SlotsGranted granted: Start(turn, granted); break;
            case SlotsGone gone: LoseSlots(turn, gone); break;
            case CopyTargetFound found: SendCopy(turn, found); break;
            case NodeAppeared appeared: Reconcile(turn, appeared); break;
            case NodeLost lost: Lose(turn, lost); break;
            case PersonCommand: Obey(turn, (PersonCommand)command); break;
            case YieldSlots yield: Yield(turn, yield); break;
            case SlotsComing coming: NotePromise(turn, coming); break;
            case Tick: Repeat(turn); break;
            default: throw new InvalidOperationException($"{command.GetType().Name} is no command of a sweep.");
        }
        Advance(turn);
        return turn.Decision;
    }

    private static void Begin(SweepTurn turn, long term)
    {
        turn.Emit(new TermStarted(term, turn.Now));
        turn.Do(new ForgetHoldings(turn.State.Id));
        turn.Do(new SetSweepPriority(turn.State.Id, turn.State.Priority));
        foreach (var avoided in turn.State.Avoided.Values) turn.Do(new AvoidNode(turn.State.Id, avoided.Node, avoided.Incarnation, avoided.Reason));
        foreach (var number in turn.State.Running)
        {
            var trial = turn[number];
            turn.Do(new HoldSlots(turn.State.IdOf(number), trial.Attempt, trial.Members));
            turn.Emit(new AttemptAdopted(number));
            turn.Emit(new CommandSent(number, turn.Now));     // agents that still run them get time to say so
            if (turn.State.Phase == SweepPhase.Paused) AskToStop(turn, number, Paused);
        }
    }

    /// <summary>Asks for slots for what waits, makes new trials while there is room for one more, and notices the end.</summary>
    private static void Advance(SweepTurn turn)
    {
        if (turn.State is not { Phase: SweepPhase.Running, Plan: { } plan, Term: > 0 }) return;

        var limit = plan.Resources.MaxConcurrent > 0 ? plan.Resources.MaxConcurrent : int.MaxValue;
        while (turn.State.Busy < limit && turn.State.Asked.Count < MaxRequests && !turn.State.Unasked.IsEmpty) Ask(turn, turn.State.Unasked.Min);

        // One new trial at a time waits for slots: it is made when it can run soon, with all that is known by then.
        if (turn.State.Busy >= limit || !turn.State.Asked.IsEmpty || !turn.State.Unasked.IsEmpty) return;
        switch (turn.State.Search.Next(plan.Search, plan.Spec.Search, plan.Window))
        {
            case SearchAnswer.Suggest next:
                turn.Emit(new TrialCreated(TrialResolver.Resolve(plan.Spec, next.Trial, next.Assignment), turn.Now));
                Ask(turn, next.Trial);
                break;
            case SearchAnswer.Exhausted when turn.State.Open.IsEmpty:
                turn.Emit(new SweepFinished(turn.Now));
                break;
            default: break;         // it waits for results, or the last trials run
        }
    }

    /// <param name="mayBeFewer">Than the trial would like, as few as <c>min_ranks</c>: it has waited for long enough.</param>
    private static void Ask(SweepTurn turn, int number, bool mayBeFewer = false)
    {
        var trial = turn[number];
        var (resources, keep) = (trial.Spec.Resources, trial.Members);
        var least = resources.MinRanks < resources.Ranks && (mayBeFewer || resources.ReplaceWait == 0) ? Math.Max(keep.IsEmpty ? 1 : 0, resources.MinRanks - keep.Length) : (int?)null;
        if (trial is { Phase: TrialPhase.Running, Broken: null }) least = 1;       // it trains already: any rank is welcome
        turn.Emit(new SlotsAsked(number, true, turn.Now, least is not null));
        turn.Do(new AskForSlots(turn.State.IdOf(number), trial.Attempt + 1, resources.Ranks - keep.Length, resources.ThreadsPerRank, resources.Device, trial.Fingerprint, trial.FailedOn)
        {
            Keep = keep,
            Least = least,
        });
    }

    /// <summary>Slots are on their way: the trial after it may ask for its own.</summary>
    private static void NotePromise(SweepTurn turn, SlotsComing coming)
    {
        if (turn.State.Asked.Contains(coming.Trial) && turn[coming.Trial].Attempt + 1 == coming.Attempt) turn.Emit(new SlotsPromised(coming.Trial));
    }

    private static void Start(SweepTurn turn, SlotsGranted granted)
    {
        var id = turn.State.IdOf(granted.Trial);
        var trial = turn.State.FindOpen(id);
        var isAnswer = trial is { Live.HasAskedForSlots: true } && turn.State.Phase == SweepPhase.Running && granted.Attempt == trial.Attempt + 1;
        if (isAnswer && trial is { Phase: TrialPhase.Running } && MayGoOn(trial, granted))
        {
            GoOn(turn, trial, granted);
            return;
        }
        if (!isAnswer || trial is not { Phase: TrialPhase.Waiting } || granted.Members.Any(member => member.IsKept))
        {
            // What is kept is held for the attempt it is in; and the same attempt may have been granted twice, to an answer under way and to its repetition.
            var isOfNow = trial is { Phase: TrialPhase.Running } && trial.Attempt == granted.Attempt;
            turn.Do(new ReleaseSlots(id, granted.Attempt, [.. granted.Members.Where(member => !member.IsKept && !(isOfNow && trial!.MemberOf(member.Rank)?.Node == member.Node))], MayRun: false));
            if (isAnswer && trial!.Live.StopCause is null && trial.Ended.IsEmpty) Ask(turn, trial.Number, trial.Live.MayBeFewer);        // for those it has now
            else if (isAnswer) turn.Emit(new SlotsAsked(trial!.Number, false));
            return;
        }
        turn.Emit(new AttemptStarted(granted.Trial, granted.Attempt, granted.Members, trial.NewestCheckpoint?.Epoch ?? 0, turn.Now)
        {
            Fingerprint = granted.Fingerprint.Length > 0 ? granted.Fingerprint : null,
        });
        SendStarts(turn, granted.Trial);
    }

    /// <summary>Tells the nodes to start the ranks that are not known to live.</summary>
    private static void SendStarts(SweepTurn turn, int number)
    {
        var trial = turn[number];
        var submission = turn.State.Submission!;
        foreach (var member in trial.Members.Where(member => !trial.Live.Pids.ContainsKey(member.Rank) && !trial.Ended.ContainsKey(member.Rank)))
        {
            turn.Do(new ToNode(member.Node, new StartRank(
                turn.State.Term, turn.State.IdOf(number), trial.Attempt, member.Rank, trial.Members.Length, member.Slots,
                ConfigJson.Serialize(trial.Spec), submission.CheckpointRootOf(turn.State.IdOf(number)), submission.DataRoot, submission.BaseDirectory,
                [.. trial.Checkpoints.Reverse().Take(MaxResumeSources).Select(checkpoint => checkpoint.WithHolders())])
            {
                Kept = [.. trial.Members.Where(other => other.IsKept && other.Node == member.Node).Select(other => other.Rank)],
            }));
        }
        turn.Emit(new CommandSent(number, turn.Now));
    }

    private static void Withdraw(SweepTurn turn, int number)
    {
        if (!turn[number].Live.HasAskedForSlots) return;
        turn.Do(new WithdrawRequest(turn.State.IdOf(number)));
        turn.Emit(new SlotsAsked(number, false));
    }

    private static void WithdrawAll(SweepTurn turn)
    {
        foreach (var number in turn.State.Asked.Union(turn.State.Promised)) Withdraw(turn, number);
    }

    /// <summary>Sends again what was not answered.</summary>
    private static void Repeat(SweepTurn turn)
    {
        foreach (var number in turn.State.Running)
        {
            var trial = turn[number];
            if (turn.Now - trial.Live.CommandSentAt < RepeatAfter) continue;
            if (trial.Live.StopCause is not null) SendStops(turn, number);
            else if (trial.Members.Any(member => !trial.Live.Pids.ContainsKey(member.Rank) && !trial.Ended.ContainsKey(member.Rank))) SendStarts(turn, number);
        }
        TendGroups(turn);
        foreach (var number in turn.State.Running) RepeatCopies(turn, number);
        foreach (var number in turn.State.WithDeletions)
            foreach (var path in turn[number].Retired.Keys) AskForDeletion(turn, number, path);
    }
}
