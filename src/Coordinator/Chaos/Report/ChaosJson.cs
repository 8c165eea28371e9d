using System.Text.Json;
using System.Text.Json.Serialization;
using Volley.Coordinator.Chaos.Faults;
using Volley.Coordinator.Chaos.Recovery;

namespace Volley.Coordinator.Chaos.Report;

/// <summary><c>chaos.json</c>: everything about a run, for scripts. Times in seconds since the start of the disturbed sweep.</summary>
internal static class ChaosJson
{
    public const string FileName = "chaos.json";

    /// <summary>Of the file.</summary>
    private const int Format = 1;

    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        WriteIndented = true,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static string Of(ChaosResult result) => JsonSerializer.Serialize(
        new
        {
            FormatVersion = Format,
            result.Command,
            result.Version,
            result.Machine,
            result.StartedAt,
            result.Options.Nodes,
            result.Options.Seed,
            result.Options.Store,
            FaultsPlanned = result.Options.Faults,
            result.Network,
            result.Skipped,
            Verdict = new { result.Verdict.Holds, result.Verdict.Checks },
            Undisturbed = Run(result.Undisturbed),
            Disturbed = Run(result.Disturbed),
            Kinds = KindStatistics.Of(result.Faults.Select(fault => fault.Recovery)).Select(kind => new
            {
                Kind = FaultKinds.NameOf(kind.Kind), kind.Faults, kind.Recovered, MedianSeconds = Rounded(kind.Median), P95Seconds = Rounded(kind.P95), MaxSeconds = Rounded(kind.Max), kind.StepsRepeated, kind.NewAttempts,
            }),
            Faults = result.Faults.Select(Fault),
            Progress = result.Progress.Select(point => new { At = Rounded(point.At.TotalSeconds), point.Steps, point.IsAnswering }),
        },
        Options) + "\n";

    private static object Run(RunOutcome run) => new { run.Results.ResultsDigest, Trials = run.Results.Trials.Count, Attempts = run.Results.Trials.Sum(trial => trial.Attempts), Seconds = Rounded(run.Duration.TotalSeconds) };

    private static object Fault(StruckFault fault)
    {
        var recovery = fault.Recovery;
        return new
        {
            recovery.Fault.Number,
            Kind = FaultKinds.NameOf(recovery.Fault.Kind),
            At = Rounded(recovery.At.TotalSeconds),
            AtProgress = Rounded(recovery.Fault.At),
            HoldSeconds = recovery.Fault.Hold == TimeSpan.Zero ? null : Rounded(recovery.Fault.Hold.TotalSeconds),
            recovery.Target.Node,
            recovery.Target.Trial,
            recovery.Target.Attempt,
            recovery.Target.Rank,
            recovery.Target.Pid,
            fault.Done,
            AnswersAfterSeconds = Rounded(recovery.AnswersAfter?.TotalSeconds),
            TrainingWentOnAfterSeconds = Rounded(recovery.WentOnAfter?.TotalSeconds),
            recovery.StepsRepeated,
            Trials = recovery.Affected.Select(trial => new
            {
                trial.Trial, trial.Attempt, trial.LastStep, trial.AttemptAfter, trial.NodeAfter, trial.ResumedFrom, trial.StepsRepeated, WentOnAfterSeconds = Rounded(trial.WentOnAfter?.TotalSeconds), trial.WasOver, trial.Said,
            }),
        };
    }

    private static double? Rounded(double? value) => value is { } number ? Math.Round(number, 3) : null;
}
