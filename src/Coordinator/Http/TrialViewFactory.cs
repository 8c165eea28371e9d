using Volley.Coordinator.Placement;
using Volley.Coordinator.Sweeps;
using Volley.Shared.Config;
using Volley.Shared.Identifiers;
using Volley.Shared.Results;

namespace Volley.Coordinator.Http;

/// <summary>State of a trial → views.</summary>
internal static class TrialViewFactory
{
    // A watcher looks several times a second and has seen the older ones; who wants all of them asks for the trial.
    private const int NewestEpochs = 16;

    /// <summary>As it stands among a sweep's changes.</summary>
    public static TrialView Changed(TrialState trial, Inventory inventory, DateTimeOffset now) => Of(trial, NewestEpochs, inventory, now);

    /// <summary>With everything.</summary>
    public static TrialView Whole(TrialState trial, Inventory inventory, DateTimeOffset now) => Of(trial, int.MaxValue, inventory, now) with { Spec = trial.Spec };

    public static TrialRow Row(TrialState trial, ObjectiveSpec objective)
    {
        var epoch = trial.Epochs.Count == 0 ? null : trial.Epochs[^1].Metrics;
        var value = trial.Outcome is not null ? SweepOutcome.Of(trial).Find(objective.Metric) : epoch is null ? null : ObjectiveValue.Of(objective, epoch);
        return new TrialRow(
            trial.Number, StateOf(trial), trial.Spec.Train.Model.Name, trial.Spec.Hyperparameters, trial.Attempt, trial.Node, trial.Epochs.Count, trial.Spec.Train.Epochs,
            trial.Live.Progress?.Loss ?? epoch?.TrainLoss, value, trial.Failures, ErrorOf(trial));
    }

    public static CheckpointView Of(CommittedCheckpoint checkpoint, SweepState sweep, int trial) => new(
        $"{sweep.Submission!.CheckpointRootOf(sweep.IdOf(trial))}/{checkpoint.RelativePath}", checkpoint.Attempt, checkpoint.Step, checkpoint.Epoch, checkpoint.ObjectiveValue, checkpoint.Bytes,
        checkpoint.ManifestSha256, checkpoint.Holders?.Select(node => node.Value).ToList());

    public static IEnumerable<RankView> Ranks(TrialState trial, Inventory inventory) => trial.Members.Select(member => new RankView(
        member.Rank, member.Node.Value, AgentPid(inventory, member.Node), trial.Live.Pids.TryGetValue(member.Rank, out var pid) ? pid : null, StateOf(trial, member)));

    private static string StateOf(TrialState trial, Member member) =>
        trial.Ended.ContainsKey(member.Rank) ? "ended"
        : !trial.Live.Pids.ContainsKey(member.Rank) ? "starting"
        : trial.Broken is not null || trial.Live.Waiting.ContainsKey(member.Rank) ? "waiting"
        : trial.IsGroup && trial.Live.Progress is null ? "forming"
        : "training";

    private static TrialView Of(TrialState trial, int epochs, Inventory inventory, DateTimeOffset now)
    {
        var progress = trial.Live.Progress;
        var lastEpoch = trial.Epochs.Count == 0 ? null : trial.Epochs[^1].Metrics;
        return new TrialView
        {
            Number = trial.Number,
            State = StateOf(trial),
            Model = trial.Spec.Train.Model.Name,
            Hyperparameters = trial.Spec.Hyperparameters,
            Attempt = trial.Attempt,
            Node = trial.Node,
            Ranks = [.. Ranks(trial, inventory)],
            RanksWanted = trial.Spec.Resources.Ranks,
            Epoch = trial.Epochs.Count,
            TotalEpochs = trial.Spec.Train.Epochs,
            Epochs = [.. trial.Epochs.Skip(Math.Max(0, trial.Epochs.Count - epochs)).Select(epoch => epoch.Metrics)],
            Step = progress?.Step ?? lastEpoch?.Step ?? 0,
            TotalSteps = progress?.TotalSteps ?? 0,
            Loss = progress?.Loss ?? lastEpoch?.TrainLoss,
            ImagesPerSecond = progress?.ImagesPerSecond ?? lastEpoch?.ImagesPerSecond,
            Attempts =
            [
                .. PastAttempt.AllOf(trial).Select(attempt => new AttemptView(
                    attempt.Attempt, attempt.Node, attempt.StartedAt, attempt.FirstStepAt, attempt.StartStep, attempt.LastStep, attempt.RepeatedSteps, attempt.EndedAt,
                    attempt.End is { } end ? SweepViewFactory.Word(end) : "running")),
            ],
            Failures = trial.Failures,
            Error = ErrorOf(trial),
            IsUserError = trial.HasUserError,
            LastLogLines = trial.LastLogLines,
            Outcome = trial.Outcome,
            Checkpoints = [.. trial.Checkpoints.Select(checkpoint => checkpoint.RelativePath)],
            CheckpointHolders = trial.NewestCheckpoint?.Holders is null
                ? null
                : trial.Checkpoints.ToDictionary(checkpoint => checkpoint.RelativePath, checkpoint => checkpoint.Holders?.Select(node => node.Value) ?? []),
            CheckpointProblem = trial.CheckpointProblem.Length > 0 ? trial.CheckpointProblem : null,
            CheckpointProblems = trial.CheckpointProblems,
            ActiveSeconds = (trial.ActiveTime + (trial.AttemptStartedAt is { } since ? now - since : TimeSpan.Zero)).TotalSeconds,
        };
    }

    /// <summary>Without looking at the whole trial.</summary>
    public static bool MayBe(string state, TrialPhase phase) => state == (phase == TrialPhase.Running && state == "starting" ? "starting" : SweepViewFactory.Word(phase));

    private static string StateOf(TrialState trial) => trial.Phase == TrialPhase.Running && trial.Live.Pids.IsEmpty ? "starting" : SweepViewFactory.Word(trial.Phase);

    private static string? ErrorOf(TrialState trial) => trial.Error.Length > 0 ? trial.Error : null;

    private static int? AgentPid(Inventory inventory, NodeId node) => inventory.Find(node)?.Registration.AgentPid is > 0 and var pid ? pid : null;
}
