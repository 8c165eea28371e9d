using System.Collections.Immutable;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;

namespace Volley.Coordinator.Sweeps;

/// <summary>
/// Who has which checkpoint. With <c>store: node</c> a checkpoint is committed when a second agent has every byte of it: the inventory names
/// one, that one fetches it over HTTP, and where it cannot, or is lost, or takes too long, another is asked. Where nobody is left the
/// checkpoint is committed with the one copy that there is, and a warning: training must not wait for a machine that may never come.
/// </summary>
internal static partial class SweepDecider
{
    /// <summary>Where all paths are one machine's, there is no second one to copy to.</summary>
    private static bool NeedsCopy(SweepTurn turn, TrialState trial) => trial.Spec.Checkpoint.Store == "node" && turn.State.Submission!.IsForAnyMachine;

    /// <summary>The member that reports it; null: it is one no longer, and nobody can say where its files are.</summary>
    private static NodeId? WriterOf(TrialState trial, CheckpointReport report) => trial.MemberOf(report.Rank)?.Node;

    private static void WantCopy(SweepTurn turn, TrialState trial, CheckpointReport report)
    {
        if (trial.Live.Copies.ContainsKey(report.RelativePath)) return;
        AskForTarget(turn, trial.Number, new PendingCopy(report, null, turn.Now, turn.Now, [], ""));
    }

    private static void AskForTarget(SweepTurn turn, int number, PendingCopy copy)
    {
        turn.Emit(new CopyNoted(number, copy));
        if (WriterOf(turn[number], copy.Report) is { } writer) turn.Do(new FindCopyTarget(turn.State.IdOf(number), turn[number].Attempt, copy.Report.RelativePath, writer, copy.Tried));
    }

    private static void SendCopy(SweepTurn turn, CopyTargetFound found)
    {
        if (turn.State.Find(turn.State.IdOf(found.Trial)) is not { Phase: TrialPhase.Running } trial || trial.Attempt != found.Attempt) return;
        if (!trial.Live.Copies.TryGetValue(found.RelativePath, out var copy) || copy.Target is not null) return;
        if (found.Target is { } target)
        {
            var asked = copy with { Target = target, AskedAt = turn.Now, SentAt = turn.Now };
            turn.Emit(new CopyNoted(trial.Number, asked));
            SendCopy(turn, trial.Number, asked);
            return;
        }
        if (WriterOf(trial, copy.Report) is not { } writer) return;
        CommitCopied(turn, trial, copy.Report, [writer], copy.Tried.IsEmpty
            ? $"Only {writer} has checkpoint {found.RelativePath}: no other agent is there to copy it (store: node)."
            : $"Only {writer} has checkpoint {found.RelativePath}: no other agent could copy it (store: node). Last: {copy.Problem}");
    }

    private static void SendCopy(SweepTurn turn, int number, PendingCopy copy)
    {
        var (id, report) = (turn.State.IdOf(number), copy.Report);
        if (WriterOf(turn[number], report) is not { } writer) return;
        var reference = new CheckpointReference(report.Step, report.RelativePath, report.ManifestSha256) { Holders = [new CheckpointHolder(writer, "")] };
        turn.Do(new ToNode(copy.Target!.Value, new CopyCheckpoint(turn.State.Term, id, report.Attempt, turn.State.Submission!.CheckpointRootOf(id), reference, report.Bytes)));
    }

    private static void Copied(SweepTurn turn, TrialState trial, CheckpointCopied copied, bool isCurrent)
    {
        if (trial.Checkpoints.Find(known => known.RelativePath == copied.RelativePath) is { } committed)
        {
            if (copied.Problem.Length == 0 && committed.Holders is { } holders && !holders.Contains(copied.Node)) turn.Emit(new CheckpointHeld(trial.Number, copied.RelativePath, copied.Node));
        }
        else if (isCurrent && trial.Live.Copies.TryGetValue(copied.RelativePath, out var copy))
        {
            // One that was given up before may be done after all: it has the bytes.
            if (copied.Problem.Length == 0)
            {
                if (WriterOf(trial, copy.Report) is { } writer) CommitCopied(turn, trial, copy.Report, [writer, copied.Node], null);
            }
            else if (copy.Target == copied.Node) AskForTarget(turn, trial.Number, copy.Without(copied.Node, MessageLimits.Clip($"{copied.Node}: {copied.Problem}"), turn.Now));
        }
        else if (copied.Problem.Length == 0 && (copied.Attempt < trial.LineageFrom || trial.Phase != TrialPhase.Running || trial.CommittedNow.Contains(copied.RelativePath)))
        {
            // Nobody will ever resume from it: its attempt is over without a commit, or it is retired already.
            turn.Answer(new RetireCheckpoint(turn.State.Term, copied.Trial, copied.Attempt, turn.State.Submission!.CheckpointRootOf(copied.Trial), copied.RelativePath));
        }
    }

    /// <summary>The report itself was not answered when it came: the writer hears of it now.</summary>
    private static void CommitCopied(SweepTurn turn, TrialState trial, CheckpointReport report, ImmutableArray<NodeId> holders, string? warning)
    {
        Commit(turn, trial, report, holders, warning);
        turn.Do(new ToNode(holders[0], new CheckpointAccepted(report.Trial, report.Attempt, report.Step)));
    }

    private static void AskAnotherThan(SweepTurn turn, int number, NodeId lost)
    {
        foreach (var copy in turn[number].Live.Copies.Values.Where(copy => copy.Target == lost).ToList())
            AskForTarget(turn, number, copy.Without(lost, $"{lost} was lost.", turn.Now));
    }

    private static void RepeatCopies(SweepTurn turn, int number)
    {
        foreach (var copy in turn[number].Live.Copies.Values.Where(copy => turn.Now - copy.SentAt >= RepeatAfter).ToList())
        {
            if (copy.Target is not { } target) AskForTarget(turn, number, copy with { SentAt = turn.Now });
            else if (turn.Now - copy.AskedAt >= copy.Timeout) AskForTarget(turn, number, copy.Without(target, $"{target} did not copy it within {copy.Timeout.TotalSeconds:0} s.", turn.Now));
            else
            {
                turn.Emit(new CopyNoted(number, copy with { SentAt = turn.Now }));
                SendCopy(turn, number, copy);
            }
        }
    }

    private static void Retire(SweepTurn turn, int number, string relativePath)
    {
        turn.Emit(new CheckpointRetired(number, relativePath));
        AskForDeletion(turn, number, relativePath);
    }

    /// <summary>From every holder; in a directory that all agents see, any of them can do it for all.</summary>
    private static void AskForDeletion(SweepTurn turn, int number, string relativePath)
    {
        var trial = turn[number];
        var id = turn.State.IdOf(number);
        var holders = trial.Retired.GetValueOrDefault(relativePath, []);
        var command = new RetireCheckpoint(turn.State.Term, id, trial.Attempt, turn.State.Submission!.CheckpointRootOf(id), relativePath);
        var isShared = !NeedsCopy(turn, trial);
        if (isShared) turn.Do(new ToAnyNode(holders.IsEmpty ? trial.Members.IsEmpty ? null : trial.Members[0].Node : holders[0], command));
        foreach (var holder in isShared ? holders.Skip(1) : holders) turn.Do(new ToNode(holder, command));
    }

    private static void Removed(SweepTurn turn, TrialState trial, CheckpointDeleted deleted)
    {
        if (!trial.Retired.TryGetValue(deleted.RelativePath, out var holders)) return;
        if (!NeedsCopy(turn, trial) || deleted.Node is not { } node) turn.Emit(new CheckpointRemoved(trial.Number, deleted.RelativePath));
        else if (holders.Contains(node)) turn.Emit(new CheckpointRemoved(trial.Number, deleted.RelativePath) { Node = node });
    }
}
