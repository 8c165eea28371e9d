using System.Globalization;
using Volley.Coordinator.Http;
using Volley.Shared.Config;
using Volley.Shared.Results;

namespace Volley.Coordinator.Watch;

/// <summary>Words for what trials do: the plain event log, and the cells of the table.</summary>
internal static class TrialLines
{
    /// <summary>One line per thing that happened to a trial between two looks; nothing where only its progress moved.</summary>
    public static IEnumerable<string> Between(TrialView? before, TrialView now)
    {
        var name = $"trial {now.Number} ({Title(now)})";
        if (now.Attempt > (before?.Attempt ?? 0))
        {
            var from = now.Checkpoints.Count > 0 ? $", from checkpoint {now.Checkpoints[^1]}" : "";
            yield return $"{name}: attempt {now.Attempt} starts on {now.Node}{from}";
        }
        var seen = before?.Epoch ?? 0;
        if (now.Epochs.Count > 0 && now.Epochs[0].Epoch > seen + 1) yield return $"{name}: {now.Epochs[0].Epoch - seen - 1} more epochs";
        foreach (var epoch in now.Epochs.Where(epoch => epoch.Epoch > seen)) yield return $"{name}: {Epoch(epoch, now.TotalEpochs)}";
        if (before?.State == now.State && before.Failures == now.Failures) yield break;
        if (now.Failures > (before?.Failures ?? 0) && now.State != "failed") yield return $"{name}: attempt {now.Attempt} failed: {now.Error}";
        if (now.State == "finished") yield return $"{name}: finished{Scores(now)} after {Duration(now.ActiveSeconds)}";
        if (now.State == "failed") yield return $"{name}: FAILED: {now.Error}";
        if (now.State == "cancelled") yield return $"{name}: cancelled";
    }

    /// <summary>Where a trial stands that was under way before anybody looked.</summary>
    public static string Now(TrialView trial) =>
        $"trial {trial.Number} ({Title(trial)}): attempt {trial.Attempt} runs on {trial.Node}{(trial.Epoch > 0 ? $", {trial.Epoch} of {trial.TotalEpochs} epochs done" : "")}";

    /// <summary>Model and what was chosen for it.</summary>
    public static string Title(TrialView trial)
    {
        var chosen = Choices(trial.Hyperparameters);
        return chosen.Length == 0 ? trial.Model : $"{trial.Model} {chosen}";
    }

    /// <summary><c>lr=0.001 depth=2</c>; the model's own name is a column of its own.</summary>
    public static string Choices(Assignment hyperparameters) =>
        string.Join(' ', hyperparameters.Choices.Where(choice => choice.Key != "model").Select(choice => $"{choice.Key[(choice.Key.LastIndexOf('.') + 1)..]}={choice.Value}"));

    public static string Number(double? value, string format) => value is { } number ? number.ToString(format, CultureInfo.InvariantCulture) : "";

    /// <summary>Of the validation part, else of the training images.</summary>
    public static double? Accuracy(TrialView trial) =>
        trial.Outcome is { } outcome ? MainScore(outcome.Validation) ?? MainScore(outcome.Test) : trial.Epochs.Count == 0 ? null : MainScore(trial.Epochs[^1].Validation) ?? trial.Epochs[^1].TrainAccuracy;

    public static string Duration(double seconds) =>
        seconds < 100 ? $"{seconds:0.0} s" : seconds < 6000 ? $"{seconds / 60:0.0} min" : $"{seconds / 3600:0.0} h";

    public static string Epoch(EpochMetrics epoch, int total)
    {
        var validation = epoch.Validation is { } part ? $", validation loss {Number(part.Loss, "0.0000")}{Score(part)}" : "";
        return $"epoch {epoch.Epoch}/{total}, loss {Number(epoch.TrainLoss, "0.0000")}{validation}, {Number(epoch.ImagesPerSecond, "0")} images/s";
    }

    private static string Scores(TrialView trial)
    {
        var validation = trial.Outcome?.Validation is { } part ? $", validation{Score(part).TrimStart(',')}" : "";
        var test = trial.Outcome?.Test is { } other ? $", test{Score(other).TrimStart(',')}" : "";
        return validation + test;
    }

    private static string Score(Evaluation part) =>
        part.Accuracy is { } accuracy ? $", accuracy {Number(accuracy, "0.0000")}" : part.Map is { } map ? $", mAP {Number(map, "0.0000")}" : "";

    private static double? MainScore(Evaluation? part) => part?.Accuracy ?? part?.Map;
}
