using System.CommandLine;
using Volley.Coordinator.Http;
using Volley.Coordinator.Watch;

namespace Volley.Coordinator.Cli.TrialVerbs;

/// <summary><c>volley trial describe</c>.</summary>
internal static class TrialDescribeVerb
{
    private const int EpochsShown = 10;

    public static Command Create()
    {
        var trial = TrialArgument.Create();
        return ClientVerb.Create("describe", """
            All about one trial: configuration, ranks with node and process ids, epochs, checkpoints, the last error.

            Examples:
              volley trial describe my-sweep/7
              volley trial describe my-sweep 7 --json
            """, [trial], async (parsed, session) =>
            {
                var (sweep, number) = TrialArgument.Read(parsed.GetValue(trial)!);
                var view = await session.Client.TrialAsync(sweep, number, session.Stop);
                if (session.IsJson) session.Json(view);
                else Describe(session, sweep, view);
                return 0;
            });
    }

    private static void Describe(ClientSession session, string sweep, TrialView view)
    {
        session.Line($"{sweep}/{view.Number}: {view.State}, {TrialLines.Title(view)}");
        session.Line($"  attempt      {view.Attempt}{(view.Node.Length > 0 ? $" on {view.Node}" : "")}, {view.Failures} failures, {TrialLines.Duration(view.ActiveSeconds)}");
        session.Line($"  epochs       {view.Epoch} of {view.TotalEpochs}{(view.TotalSteps > 0 ? $", step {view.Step} of {view.TotalSteps}" : "")}");
        if (view.RanksWanted > 1 && view.Ranks.Count > 0) session.Line($"  group        {view.Ranks.Count} of {view.RanksWanted} ranks");
        foreach (var rank in view.Ranks)
            session.Line($"  rank {rank.Rank}       {(view.RanksWanted > 1 ? $"{rank.State} " : "")}on {rank.Node}, {(rank.Pid is { } pid ? $"process {pid}" : "starting")}{(rank.AgentPid is { } agent ? $", agent {agent}" : "")}");
        if (view.Checkpoints.Count > 0) session.Line($"  checkpoints  {string.Join(", ", view.Checkpoints)}");
        if (view.CheckpointProblem is { } trouble) session.Line($"  trouble      {trouble} ({view.CheckpointProblems} so far)");
        if (view.Outcome is { } outcome) session.Line($"  weights      {outcome.WeightsSha256}");
        foreach (var epoch in view.Epochs.Skip(Math.Max(0, view.Epochs.Count - EpochsShown))) session.Line($"  {TrialLines.Epoch(epoch, view.TotalEpochs)}");
        if (view.Error is { } error) session.Line($"  error        {error}");
        foreach (var line in view.LastLogLines) session.Line($"    {line}");
    }
}
