using System.CommandLine;
using Volley.Coordinator.Http;
using Volley.Coordinator.Watch;

namespace Volley.Coordinator.Cli.TrialVerbs;

/// <summary><c>volley trial list</c>.</summary>
internal static class TrialListVerb
{
    public static Command Create()
    {
        var sweep = ClientVerb.Sweep();
        var state = new Option<string?>("--state") { Description = "Only these: waiting, starting, running, finished, failed, cancelled", HelpName = "STATE" };
        return ClientVerb.Create("list", """
            List the trials of a sweep.

            Examples:
              volley trial list my-sweep
              volley trial list my-sweep --state failed
            """, [sweep, state], async (parsed, session) =>
            {
                var name = parsed.GetRequiredValue(sweep);
                var trials = await session.Client.TrialsAsync(name, parsed.GetValue(state), session.Stop);
                if (session.IsJson) session.Json(new TrialPage(trials, null));
                else if (trials.Count == 0) session.Line($"{name} has no {(parsed.GetValue(state) is { } wanted ? wanted + " " : "")}trial.");
                else Table.Print(session.Output, session.Width, trials);
                return 0;
            });
    }

    private static TextTable<TrialRow> Table { get; } = new TextTable<TrialRow>()
        .Column("TRIAL", row => row.Number, isNumber: true)
        .Column("STATE", row => row.State)
        .Column("MODEL", row => row.Model)
        .Column("EPOCH", row => $"{row.Epoch}/{row.TotalEpochs}", 1, isNumber: true)
        .Column("LOSS", row => TrialLines.Number(row.Loss, "0.0000"), 2, isNumber: true)
        .Column("VALUE", row => TrialLines.Number(row.Value, "0.0000"), 1, isNumber: true)
        .Column("NODE", row => row.Node, 3)
        .Column("ATTEMPT", row => row.Attempt, 4, isNumber: true)
        .Column("HYPERPARAMETERS", row => TrialLines.Choices(row.Hyperparameters), 5)
        .Column("ERROR", row => row.Error ?? "", 6);
}
