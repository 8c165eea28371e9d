using System.CommandLine;
using Volley.Coordinator.Report;
using Volley.Coordinator.Results;
using Volley.Shared.Results;

namespace Volley.Coordinator.Cli.SweepVerbs;

/// <summary><c>volley sweep export</c>.</summary>
internal static class ExportVerb
{
    public static Command Create()
    {
        var sweep = ClientVerb.Sweep();
        var output = new Option<string?>("--out", "-o") { Description = "Folder; default: the sweep's name, and -results after it", HelpName = "DIR" };
        return ClientVerb.Create("export", """
            Write what `volley run` writes, results.json, results.csv and report.html, into a folder; `volley results` reads it.

            Examples:
              volley sweep export my-sweep --out runs/my-sweep
              volley results diff runs/my-sweep runs/another
            """, [sweep, output], async (parsed, session) =>
            {
                var name = parsed.GetRequiredValue(sweep);
                var results = await session.Client.ResultsAsync(name, session.Stop);
                var written = Write(parsed.GetValue(output) ?? $"{name}-results", results);
                if (session.IsJson) session.Json(new { written, results.ResultsDigest });
                else session.Line($"Written: {string.Join(", ", written)}");
                return 0;
            });
    }

    /// <returns>The files.</returns>
    public static IReadOnlyList<string> Write(string folder, SweepResults results)
    {
        ResultsFiles.Write(folder, results);
        HtmlReport.Write(Path.Combine(folder, HtmlReport.FileName), results);
        return [Path.Combine(folder, ResultsFiles.Json), Path.Combine(folder, ResultsFiles.Csv), Path.Combine(folder, HtmlReport.FileName)];
    }
}
