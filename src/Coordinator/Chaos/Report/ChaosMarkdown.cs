using System.Globalization;
using System.Text;
using Volley.Coordinator.Chaos.Faults;
using Volley.Coordinator.Chaos.Recovery;

namespace Volley.Coordinator.Chaos.Report;

/// <summary><c>report.md</c>: the verdict first, then figures by kind, then every fault.</summary>
internal static class ChaosMarkdown
{
    public const string FileName = "report.md";

    public static string Of(ChaosResult result)
    {
        var text = new StringBuilder();
        text.Append($"# Chaos: {result.Faults.Length} faults on {result.Options.Nodes} nodes, seed {result.Options.Seed}\n\n");
        text.Append($"**{(result.Verdict.Holds ? "The verdict holds" : "THE VERDICT FAILS")}**: the sweep under faults {(result.Verdict.Holds ? "came to the results of the undisturbed one, weights included" : "did not come to the results of the undisturbed one as it should")}.\n\n");
        foreach (var check in result.Verdict.Checks) text.Append($"- {(check.Holds ? "yes" : "**NO**")}: {check.Claim} — {Cell(check.Detail)}\n");
        text.Append($"\n`{result.Command}`\n\n");
        text.Append($"Volley {result.Version}; {result.Machine}; {result.Network}; checkpoints store: {result.Options.Store}; started {result.StartedAt:yyyy-MM-dd HH:mm} UTC. ");
        text.Append($"{result.Undisturbed.Results.Trials.Count} trials ({string.Join(", ", result.Undisturbed.Results.Trials.Select(trial => trial.Model).Distinct())}): undisturbed {Seconds(result.Undisturbed.Duration.TotalSeconds)} s, under faults {Seconds(result.Disturbed.Duration.TotalSeconds)} s");
        text.Append($" and {result.Disturbed.Results.Trials.Sum(trial => trial.Attempts)} attempts.\n");
        foreach (var reason in result.Skipped) text.Append($"\nLeft out on this machine: {reason}\n");
        Kinds(text, result);
        Faults(text, result);
        return text.ToString();
    }

    private static void Kinds(StringBuilder text, ChaosResult result)
    {
        text.Append("\n## By kind\n\nSeconds from the fault until every trial it hit had made a step again (for the coordinator: until it answered again, which is when one can steer). ");
        text.Append("A fault that is held (a pause, a cut) may last longer than that, where trials go on elsewhere, or make it last. A new attempt says when its first step was done; all else is as the HTTP API showed it, half a second late at most. In brackets: when training was to be seen again that had never stopped.\n\n");
        text.Append("| kind | what is done | faults | median | p95 | max | steps repeated | new attempts |\n|---|---|---|---|---|---|---|---|\n");
        foreach (var kind in KindStatistics.Of(result.Faults.Select(fault => fault.Recovery)))
            text.Append($"| {FaultKinds.NameOf(kind.Kind)} | {FaultKinds.Of(kind.Kind).Summary} | {kind.Faults} | {Seconds(kind.Median)} | {Seconds(kind.P95)} | {Seconds(kind.Max)} | {kind.StepsRepeated} | {kind.NewAttempts} |\n");
    }

    private static void Faults(StringBuilder text, ChaosResult result)
    {
        text.Append("\n## Every fault\n\n| # | at | kind | where | done | training again after | steering again after | steps repeated | new attempts | what the system said |\n|---|---|---|---|---|---|---|---|---|---|\n");
        foreach (var (recovery, done) in result.Faults)
        {
            var said = recovery.Affected.Select(trial => trial.Said).Where(words => words.Length > 0).Distinct();
            text.Append($"| {recovery.Fault.Number} | {Seconds(recovery.At.TotalSeconds)} | {FaultKinds.NameOf(recovery.Fault.Kind)} | {recovery.Target.Node}{(recovery.Target.Trial is { } trial ? $", trial {trial} attempt {recovery.Target.Attempt}" : "")} | {Cell(done)} ");
            text.Append($"| {TrainingAgain(recovery)} | {Seconds(recovery.AnswersAfter?.TotalSeconds)} | {recovery.StepsRepeated} | {recovery.NewAttempts} | {Cell(string.Join(" ", said))} |\n");
        }
    }

    /// <summary>In brackets where training never stopped: it was only not to be seen.</summary>
    public static string TrainingAgain(FaultRecovery recovery)
    {
        var seconds = Seconds(recovery.WentOnAfter?.TotalSeconds);
        return KindStatistics.IsAboutSteering(recovery.Fault.Kind) && recovery.NewAttempts == 0 ? $"({seconds})" : seconds;
    }

    private static string Seconds(double? value) => value is { } number ? number.ToString("0.0", CultureInfo.InvariantCulture) : "–";

    private static string Cell(string words) => words.ReplaceLineEndings(" ").Replace("|", "\\|", StringComparison.Ordinal);
}
