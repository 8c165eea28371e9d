using System.CommandLine;
using System.Text.Json;
using Spectre.Console;
using Volley.Coordinator.Results;
using Volley.Shared.Config;

namespace Volley.Coordinator.Cli.SweepVerbs;

/// <summary><c>volley sweep results</c>.</summary>
internal static class ResultsVerb
{
    // A pipe has no width; Spectre would take 80 and break hashes.
    private const int RedirectedWidth = 200;

    public static Command Create()
    {
        var sweep = ClientVerb.Sweep();
        var output = new Option<string?>("--out", "-o") { Description = "Also write results.json, results.csv and report.html into this folder", HelpName = "DIR" };
        return ClientVerb.Create("results", """
            The leaderboard of a sweep, as far as it is. With --json: the content of results.json.

            Examples:
              volley sweep results my-sweep
              volley sweep results my-sweep --out my-sweep
              volley sweep results my-sweep --json | jq -r .results_digest
            """, [sweep, output], async (parsed, session) =>
            {
                var results = await session.Client.ResultsAsync(parsed.GetRequiredValue(sweep), session.Stop);
                var written = parsed.GetValue(output) is { } folder ? ExportVerb.Write(folder, results) : [];
                if (session.IsJson)
                {
                    session.Line(JsonSerializer.Serialize(results, ConfigJson.ReadableOptions));
                    return 0;
                }
                var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(session.Output), Ansi = session.IsTerminal ? AnsiSupport.Detect : AnsiSupport.No });
                console.Profile.Width = session.Width ?? RedirectedWidth;
                session.Line($"{results.Name}: {results.Trials.Count(trial => trial.IsFinished)} of {results.Trials.Count} trials finished, {results.SearchAlgorithm} search, seed {results.Seed}");
                if (results.Trials.Count > 0) LeaderboardTable.Print(console, Leaderboard.Of(results));
                session.Line($"results_digest {results.ResultsDigest}");
                if (written.Count > 0) session.Line($"Written: {string.Join(", ", written)}");
                return 0;
            });
    }
}
