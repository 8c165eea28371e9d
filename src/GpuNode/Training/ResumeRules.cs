using System.Text.Json;
using System.Text.Json.Nodes;
using Volley.Shared;
using Volley.Shared.Config;

namespace Volley.GpuNode.Training;

/// <summary>What must be as it was for a run to go on from a checkpoint, and what may change but is told.</summary>
internal static class ResumeRules
{
    /// <summary>The run's numbers follow from these; with another value it would be another run.</summary>
    private static readonly string[] Decisive = ["seed", "data_seed", "train", "resources.ranks"];

    /// <summary>Where the data lies may change: its digest says whether it is the same.</summary>
    private static readonly string[] Places = ["train.dataset.path", "train.dataset.csv"];

    /// <param name="mayTrainLonger">More epochs than the checkpoint's run had are the same run, extended: the schedule is that of the longer training from here on.</param>
    /// <exception cref="UserErrorException">The checkpoint is of another run: every difference, with both values.</exception>
    public static void RequireSameRun(StateFile saved, TrialSpec spec, string dataDigest, string place, bool mayTrainLonger = false)
    {
        var differences = Differences(saved.Spec, spec)
            .Where(d => !(mayTrainLonger && d.Key == "train.epochs" && spec.Train.Epochs > saved.Spec.Train.Epochs))
            .Where(d => !Places.Contains(d.Key) && Decisive.Any(key => d.Key == key || d.Key.StartsWith(key + ".", StringComparison.Ordinal))).ToList();
        if (differences.Count > 0)
            throw new UserErrorException(
                $"{place}: belongs to a run with another configuration, so going on from it would be neither run:\n"
                + string.Join('\n', differences.Select(d => $"  {d.Key}: the checkpoint has {d.Saved}, this run {d.Now}"))
                + "\nResume with the same file and --set values, or start without --resume.");
        if (saved.DataDigest != dataDigest)
            throw new UserErrorException($"{place}: was trained on data with digest {saved.DataDigest}, the data set here has {dataDigest}. Use the same data, or start without --resume.");
    }

    /// <returns>Lines for the log about what changed and does not forbid going on.</returns>
    public static IEnumerable<string> Changes(StateFile saved, TrialSpec spec, string fingerprint)
    {
        foreach (var (key, before, now) in Differences(saved.Spec, spec)) yield return $"{key} was {before} when the checkpoint was written, now {now}.";
        if (saved.NumericsFingerprint != fingerprint)
            yield return $"Numerics changed: the checkpoint was written under [{saved.NumericsFingerprint}], this is [{fingerprint}]. The last bits may differ from an undisturbed run.";
    }

    private static IEnumerable<(string Key, string Saved, string Now)> Differences(TrialSpec saved, TrialSpec now) =>
        Differences("", JsonSerializer.SerializeToNode(saved, ConfigJson.Options), JsonSerializer.SerializeToNode(now, ConfigJson.Options));

    private static IEnumerable<(string Key, string Saved, string Now)> Differences(string key, JsonNode? saved, JsonNode? now)
    {
        if (saved is JsonObject a && now is JsonObject b)
            return a.Select(field => field.Key).Union(b.Select(field => field.Key)).SelectMany(name => Differences(key.Length == 0 ? name : $"{key}.{name}", a[name], b[name]));
        var (before, after) = (saved?.ToJsonString() ?? "nothing", now?.ToJsonString() ?? "nothing");
        return before == after ? [] : [(key, before, after)];
    }
}
