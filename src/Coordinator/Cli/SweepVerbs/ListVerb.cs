using System.CommandLine;
using Volley.Coordinator.Http;

namespace Volley.Coordinator.Cli.SweepVerbs;

/// <summary><c>volley sweep list</c>.</summary>
internal static class ListVerb
{
    public static Command Create() => ClientVerb.Create("list", """
        List the coordinator's sweeps.

        Examples:
          volley sweep list
          volley sweep list --json
        """, [], async (_, session) =>
        {
            var sweeps = await session.Client.ListAsync(session.Stop);
            if (session.IsJson) session.Json(new SweepPage(sweeps, null));
            else if (sweeps.Count == 0) session.Line($"No sweeps yet. Submit one: {session.Command("sweep", "submit", "FILE.yaml")}");
            else Table.Print(session.Output, session.Width, sweeps);
            return 0;
        });

    private static TextTable<SweepRow> Table { get; } = new TextTable<SweepRow>()
        .Column("SWEEP", row => row.Id)
        .Column("STATE", row => row.State)
        .Column("TRIALS", row => row.TrialsPlanned ?? row.Trials, isNumber: true)
        .Column("FINISHED", row => row.Finished, isNumber: true)
        .Column("RUNNING", row => row.Running, 1, isNumber: true)
        .Column("FAILED", row => row.Failed, 1, isNumber: true)
        .Column("SUBMITTED", row => row.SubmittedAt is { } at ? $"{at.ToLocalTime():yyyy-MM-dd HH:mm}" : "", 2)
        .Column("PROBLEM", row => row.Problem ?? "", 3);
}
