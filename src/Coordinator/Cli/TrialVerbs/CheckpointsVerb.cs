using System.CommandLine;
using Volley.Coordinator.Http;
using Volley.Coordinator.Watch;

namespace Volley.Coordinator.Cli.TrialVerbs;

/// <summary><c>volley trial checkpoints</c>.</summary>
internal static class CheckpointsVerb
{
    public static Command Create()
    {
        var trial = TrialArgument.Create();
        return ClientVerb.Create("checkpoints", """
            The committed checkpoints of a trial, newest last. Paths are relative to the agents' --checkpoint-root.

            Examples:
              volley trial checkpoints my-sweep/7
              volley trial checkpoints my-sweep/7 --json | jq -r '.checkpoints[-1].path'
            """, [trial], async (parsed, session) =>
            {
                var (sweep, number) = TrialArgument.Read(parsed.GetValue(trial)!);
                var checkpoints = await session.Client.CheckpointsAsync(sweep, number, session.Stop);
                if (session.IsJson) session.Json(new CheckpointPage(checkpoints));
                else if (checkpoints.Count == 0) session.Line($"{sweep}/{number} has no checkpoint yet.");
                else Table.Print(session.Output, session.Width, checkpoints);
                return 0;
            });
    }

    private static TextTable<CheckpointView> Table { get; } = new TextTable<CheckpointView>()
        .Column("STEP", row => row.Step, isNumber: true)
        .Column("EPOCH", row => row.Epoch, isNumber: true)
        .Column("ATTEMPT", row => row.Attempt, 2, isNumber: true)
        .Column("VALUE", row => TrialLines.Number(row.Value, "0.0000"), 1, isNumber: true)
        .Column("BYTES", row => row.Bytes, 3, isNumber: true)
        .Column("PATH", row => row.Path)
        .Column("MANIFEST SHA-256", row => row.ManifestSha256, 4);
}
