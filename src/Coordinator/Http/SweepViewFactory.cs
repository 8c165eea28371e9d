using Volley.Coordinator.Placement;
using Volley.Coordinator.Sweeps;

namespace Volley.Coordinator.Http;

/// <summary>State → views.</summary>
internal static class SweepViewFactory
{
    public static SweepView Of(SweepState state, long changedSince, Inventory inventory, DateTimeOffset now) => new()
    {
        Id = state.Id.Value,
        State = Word(state.Phase),
        Version = state.Version,
        Trials = state.Trials.Count,
        Finished = state.Trials.Finished,
        Failed = state.Trials.Failed,
        Running = state.Running.Count,
        TrialsPlanned = state.Plan?.Search.Trials,
        Deletions = state.WithDeletions.Sum(number => state.Trials[number].Retired.Count),
        StaleReports = state.StaleReports,
        Obstacle = inventory.Requests.Values.Where(request => request.Trial.Sweep == state.Id).Select(inventory.CannotEverPlace).FirstOrDefault(reason => reason is not null),
        Changed = [.. state.Trials.ChangedSince(changedSince).Order().Select(number => Of(state.Trials[number], now))],
    };

    private static TrialView Of(TrialState trial, DateTimeOffset now)
    {
        var progress = trial.Live.Progress;
        var lastEpoch = trial.Epochs.Count == 0 ? null : trial.Epochs[^1].Metrics;
        return new TrialView
        {
            Number = trial.Number,
            State = trial.Phase == TrialPhase.Running && trial.Live.Pids.IsEmpty ? "starting" : Word(trial.Phase),
            Model = trial.Spec.Train.Model.Name,
            Hyperparameters = trial.Spec.Hyperparameters,
            Attempt = trial.Attempt,
            Node = trial.Node,
            Ranks = [.. trial.Members.Select(member => new RankView(member.Rank, member.Node.Value, trial.Live.Pids.TryGetValue(member.Rank, out var pid) ? pid : null))],
            Epochs = [.. trial.Epochs.Select(epoch => epoch.Metrics)],
            TotalEpochs = trial.Spec.Train.Epochs,
            Step = progress?.Step ?? lastEpoch?.Step ?? 0,
            TotalSteps = progress?.TotalSteps ?? 0,
            Loss = progress?.Loss ?? lastEpoch?.TrainLoss,
            ImagesPerSecond = progress?.ImagesPerSecond ?? lastEpoch?.ImagesPerSecond,
            Attempts =
            [
                .. PastAttempt.AllOf(trial).Select(attempt => new AttemptView(
                    attempt.Attempt, attempt.Node, attempt.StartedAt, attempt.FirstStepAt, attempt.StartStep, attempt.LastStep, attempt.RepeatedSteps, attempt.EndedAt,
                    attempt.End is { } end ? Word(end) : "running")),
            ],
            Failures = trial.Failures,
            Error = trial.Error.Length > 0 ? trial.Error : null,
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
            Spec = trial.Spec,
        };
    }

    private static string Word<T>(T phase) where T : struct, Enum => phase.ToString().ToLowerInvariant();
}
