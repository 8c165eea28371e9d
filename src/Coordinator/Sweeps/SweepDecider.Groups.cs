using System.Collections.Immutable;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;

namespace Volley.Coordinator.Sweeps;

/// <summary>
/// Ranks that train together. While one of them lives, nothing that the group has done is lost: those that are left keep their processes, their slots and
/// what they have in memory, wait, and go on in the next attempt: with a replacement, or, when none was to be had for <c>replace_wait</c>, with fewer,
/// down to <c>min_ranks</c>. A group with fewer takes further ranks in as soon as there are slots.
/// </summary>
internal static partial class SweepDecider
{
    /// <summary>
    /// A rank that says it lost a peer is believed after this: the peer's own agent, if it lives, says within it how that one ended, and only it knows
    /// whether the trial itself has failed.
    /// </summary>
    private static readonly TimeSpan EvidenceTime = TimeSpan.FromSeconds(1);

    /// <summary>A group that one rank has left, and nobody is known to be lost, takes no step any more: after this all of it is formed anew.</summary>
    private static readonly TimeSpan DesertedTime = TimeSpan.FromSeconds(5);

    /// <param name="ranks">Gone, for the reason given; none: the group fell apart, and all live.</param>
    /// <param name="cause">They were not lost, they were stopped, in good order.</param>
    private static void LoseRanks(
        SweepTurn turn, int number, IReadOnlyCollection<int> ranks, string reason, string node, ImmutableArray<string> lastLogLines, string? cause = null, RankExited? exit = null)
    {
        var trial = turn[number];
        var left = trial.Members.Where(member => !ranks.Contains(member.Rank) && !trial.Ended.ContainsKey(member.Rank)).ToList();
        var lost = trial.Members.Where(member => ranks.Contains(member.Rank) && !trial.Ended.ContainsKey(member.Rank)).ToList();
        if (ranks.Count > 0 && lost.Count == 0) return;

        if (trial.Live.StopCause is not null || HasOutcome(trial))
        {
            foreach (var member in lost) turn.Emit(new RankEnded(number, trial.Attempt, member.Rank, cause is null ? RankEnd.Lost : RankEnd.Stopped, null, turn.Now));
            if (left.Count == 0) Complete(turn, turn[number], exit);
            return;
        }
        var end = cause is null ? RankEnd.Lost : RankEnd.Stopped;
        if (left.Count == 0)
        {
            EndAttempt(turn, number, end, cause is null ? reason : "", cause is null ? node : "", cause is null ? lastLogLines : [], cause, exit);
            GiveUpIfLostTooOften(turn, number, reason);
            return;
        }

        var gone = trial.Members.Where(member => !left.Contains(member)).ToImmutableArray();
        Withdraw(turn, number);
        turn.Emit(new GroupBroken(number, trial.Attempt, [.. gone.Select(member => member.Rank)], end, MessageLimits.Clip(reason), node, turn.Now, LastStepOf(trial), cause));
        foreach (var member in gone)
            turn.Do(new ToNode(member.Node, new StopRank(turn.State.Term, turn.State.IdOf(number), trial.Attempt, StopMode.Kill) { Rank = member.Rank }));
        turn.Do(new ReleaseSlots(turn.State.IdOf(number), trial.Attempt, gone, MayRun: true));
        if (turn.State.Phase == SweepPhase.Running) Ask(turn, number);
    }

    private static void LoseSlots(SweepTurn turn, SlotsGone gone)
    {
        if (turn.State.FindOpen(turn.State.IdOf(gone.Trial)) is { Phase: TrialPhase.Running } trial && trial.Attempt == gone.Attempt)
            LoseRanks(turn, gone.Trial, gone.Ranks, $"Rank {string.Join(", ", gone.Ranks)} died while the attempt began.", "", []);
    }

    /// <summary>The slots are those for the members that it has now, no more and no fewer.</summary>
    private static bool MayGoOn(TrialState trial, SlotsGranted granted)
    {
        var kept = granted.Members.Where(member => member.IsKept).ToList();
        return trial.Live.StopCause is null && trial.Ended.IsEmpty && kept.Count == trial.Members.Length
            && kept.TrueForAll(member => trial.MemberOf(member.Rank) is { } now && (now.Node, now.Incarnation) == (member.Node, member.Incarnation));
    }

    private static void GoOn(SweepTurn turn, TrialState trial, SlotsGranted granted)
    {
        var (broken, progress) = (trial.Broken, trial.Live.Progress);
        var last = LastStepOf(trial);
        if (broken is { End: RankEnd.Lost } && !(last > progress?.StartStep) && trial.LossesInARow + 1 >= MaxLossesInARow)
        {
            turn.Do(new ReleaseSlots(turn.State.IdOf(trial.Number), granted.Attempt, [.. granted.Members.Where(member => !member.IsKept)], MayRun: false));
            turn.Emit(new SlotsAsked(trial.Number, false));
            EndAttempt(turn, trial.Number, RankEnd.Lost, broken.Error, broken.Node, []);
            GiveUpIfLostTooOften(turn, trial.Number, broken.Error);
            return;
        }
        turn.Emit(new AttemptEnded(
            trial.Number, trial.Attempt, broken?.End ?? RankEnd.Stopped, broken is { Cause: null } ? broken.Error : "", broken?.Node ?? "", [], broken?.At ?? turn.Now,
            progress?.StartStep, last, trial.Live.FirstStepAt, broken is null ? "Further ranks join." : broken.Cause)
        {
            Kept = [.. trial.Members.Select(member => member.Rank)],
        });
        turn.Emit(new AttemptStarted(trial.Number, granted.Attempt, granted.Members, trial.Epochs.Count, turn.Now) { Fingerprint = granted.Fingerprint.Length > 0 ? granted.Fingerprint : null });
        turn.Do(new KeepSlots(turn.State.IdOf(trial.Number), granted.Attempt, [.. granted.Members.Where(member => member.IsKept)]));
        SendStarts(turn, trial.Number);
    }

    private static void Ready(SweepTurn turn, TrialState trial, RankReady report)
    {
        if (trial.MemberOf(report.Address.Rank)?.Node != report.Node) StopStray(turn, report, report.Address.Rank);
        else if (trial.Broken is null && !trial.Ended.ContainsKey(report.Address.Rank))
        {
            if (trial.Live.Listening.GetValueOrDefault(report.Address.Rank) != report.Address) turn.Emit(new RankListens(trial.Number, report.Address));
            var now = turn[trial.Number];
            if (now.Live.Listening.Count < now.Members.Length) return;
            var form = new FormGroup(turn.State.Term, report.Trial, now.Attempt, [.. now.Live.Listening.Values], GroupSecret.None);
            foreach (var node in now.Live.IsGroupTold ? [report.Node] : now.Members.Select(member => member.Node).Distinct()) turn.Do(new ToGroup(node, form));
            if (!now.Live.IsGroupTold) turn.Emit(new GroupTold(trial.Number));
        }
    }

    private static void Waits(SweepTurn turn, TrialState trial, RankWaiting report)
    {
        if (trial.MemberOf(report.Rank)?.Node != report.Node) StopStray(turn, report, report.Rank);
        else if (trial.Live.Waiting.GetValueOrDefault(report.Rank)?.Report != report) turn.Emit(new RankWaits(trial.Number, report, turn.Now));
    }

    /// <summary>Of an attempt that the trial's newest follows, with what its ranks had in memory: some of its processes may be members still.</summary>
    private static bool IsOfLineage(TrialState? trial, int attempt) => trial is { Phase: TrialPhase.Running } && attempt < trial.Attempt && attempt >= trial.LineageFrom;

    /// <summary>Reports of such an attempt: who goes on will say it again as a member of the newest; who does not is told to end, alone, because others of its node may go on.</summary>
    private static void ReportOfLineage(SweepTurn turn, TrialState trial, ITrialProtocol message)
    {
        turn.Emit(new StaleReportDropped());
        switch (message)
        {
            case RankStarted started: if (!LivesOn(trial, started.Rank, started.Node)) StopStray(turn, started, started.Rank); break;
            case RankReady ready: if (!LivesOn(trial, ready.Address.Rank, ready.Node)) StopStray(turn, ready, ready.Address.Rank); break;
            case RankWaiting waiting: if (!LivesOn(trial, waiting.Rank, waiting.Node)) StopStray(turn, waiting, waiting.Rank); break;
            case CheckpointReport checkpoint:
                if (trial.MemberOf(checkpoint.Rank) is not { IsKept: true }) turn.Answer(new CheckpointAccepted(checkpoint.Trial, checkpoint.Attempt, checkpoint.Step));      // its files are of no use, those of the others are
                break;
            case EpochReport epoch:
                if (epoch.Metrics.Epoch <= trial.Epochs.Count) turn.Answer(new EpochAccepted(epoch.Trial, epoch.Attempt, epoch.Metrics.Epoch));       // known from another rank
                break;
            default: break;
        }
    }

    private static bool LivesOn(TrialState trial, int rank, NodeId node) => trial.MemberOf(rank) is { IsKept: true } member && member.Node == node;

    private static void StopStray(SweepTurn turn, ITrialProtocol report, int rank) =>
        turn.Answer(new StopRank(turn.State.Term, report.Trial, report.Attempt, StopMode.Kill) { Rank = rank });

    /// <summary>Decides what time decides.</summary>
    private static void TendGroups(SweepTurn turn)
    {
        foreach (var number in turn.State.Asked)
        {
            var waiting = turn[number];
            var resources = waiting.Spec.Resources;
            if (resources.MinRanks < resources.Ranks && !waiting.Live.MayBeFewer && turn.Now - waiting.Live.AskedAt >= WaitOf(waiting)) Ask(turn, number, mayBeFewer: true);
        }
        foreach (var number in turn.State.Running)
        {
            var trial = turn[number];
            if (!trial.IsGroup || trial.Live.StopCause is not null) continue;
            if (HasOutcome(trial)) Dismiss(turn, trial);
            else if (trial.Broken is null) NoticeLosses(turn, trial);
            trial = turn[number];
            if (turn.State.Phase != SweepPhase.Running || trial is not { Phase: TrialPhase.Running, Ended.IsEmpty: true }) continue;
            if (trial.Broken is { } broken)
            {
                var hasWaited = turn.Now - broken.At >= WaitOf(trial);
                if (!trial.Live.HasAskedForSlots || (hasWaited && !trial.Live.MayBeFewer && trial.Spec.Resources.MinRanks < trial.Spec.Resources.Ranks)) Ask(turn, number, hasWaited);
            }
            // Not before it has trained: a slot that comes and goes must not keep it from that.
            else if (trial.Members.Length < trial.Spec.Resources.Ranks && !trial.Live.HasAskedForSlots && trial.Live.Progress is not null) Ask(turn, number);
        }
    }

    private static void NoticeLosses(SweepTurn turn, TrialState trial)
    {
        var accused = new SortedSet<int>();
        var reason = "";
        // Where two accuse each other the lower number is believed: one of them goes on, and the other is replaced.
        foreach (var (rank, waits) in trial.Live.Waiting)
        {
            if (accused.Contains(rank) || turn.Now - waits.At < EvidenceTime) continue;
            foreach (var lost in waits.Report.Lost)
                if (lost != rank && trial.MemberOf(lost) is not null && !trial.Ended.ContainsKey(lost) && accused.Add(lost) && reason.Length == 0)
                    reason = $"Rank {lost} was lost, says rank {rank}: {waits.Report.Reason}";
        }
        if (accused.Count > 0)
        {
            LoseRanks(turn, trial.Number, accused, reason, trial.MemberOf(accused.Min)!.Node.Value, []);
            return;
        }
        var active = trial.Members.Where(member => !trial.Ended.ContainsKey(member.Rank)).ToList();
        var waiting = active.Where(member => trial.Live.Waiting.ContainsKey(member.Rank)).Select(member => trial.Live.Waiting[member.Rank]).ToList();
        // Its peers have ended in an attempt that it was not in: there will be no group with them.
        var isLeftBehind = !trial.Ended.IsEmpty && !trial.Live.IsGroupTold && active.Exists(member => trial.Live.Listening.ContainsKey(member.Rank))
            && turn.Now - trial.Ended.Values.Max(ended => ended.At) >= DesertedTime;
        if (isLeftBehind) LoseRanks(turn, trial.Number, [], "Its peers have ended.", "", []);
        if (isLeftBehind || waiting.Count == 0) return;
        var patience = waiting.Count == active.Count ? EvidenceTime : DesertedTime;
        if (turn.Now - waiting.Min(waits => waits.At) >= patience) LoseRanks(turn, trial.Number, [], $"The group fell apart: {waiting[0].Report.Reason}", "", []);
    }

    /// <summary>The trial is done: who has not ended a while later waits for peers that have left, or was started when there was nothing left to do.</summary>
    private static void Dismiss(SweepTurn turn, TrialState trial)
    {
        if (turn.Now - trial.Ended.Values.Max(ended => ended.At) < DesertedTime) return;
        foreach (var member in trial.Members.Where(member => !trial.Ended.ContainsKey(member.Rank)))
            turn.Do(new ToNode(member.Node, new StopRank(turn.State.Term, turn.State.IdOf(trial.Number), trial.Attempt, StopMode.Kill) { Rank = member.Rank }));
    }

    private static bool HasOutcome(TrialState trial) => trial.Ended.Values.Any(ended => ended.Outcome is not null);

    private static TimeSpan WaitOf(TrialState trial) => TimeSpan.FromSeconds(trial.Spec.Resources.ReplaceWait);

    private static long? LastStepOf(TrialState trial)
    {
        var known = new[] { trial.Live.Progress?.Step, trial.Broken?.LastStep }.Concat(trial.Live.Waiting.Values.Select(waits => (long?)waits.Report.Step)).Where(step => step >= 0);
        return known.Max();
    }
}
