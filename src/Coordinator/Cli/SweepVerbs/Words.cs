using Volley.Coordinator.Http;

namespace Volley.Coordinator.Cli.SweepVerbs;

/// <summary>How sweeps are told about.</summary>
internal static class Words
{
    /// <returns><c>12 of 40 finished, 1 failed, 4 running, 1 waiting</c></returns>
    public static string Trials(SweepView view)
    {
        List<string> parts = [$"{view.Finished} of {view.TrialsPlanned ?? view.Trials} finished"];
        foreach (var (count, word) in new[] { (view.Failed, "failed"), (view.Cancelled, "cancelled"), (view.Running, "running"), (view.Waiting, "waiting") })
            if (count > 0) parts.Add($"{count} {word}");
        return string.Join(", ", parts);
    }
}
