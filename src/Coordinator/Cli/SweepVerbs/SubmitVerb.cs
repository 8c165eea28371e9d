using System.CommandLine;
using System.Net;
using Volley.Coordinator.Client;
using Volley.Coordinator.Http;
using Volley.Coordinator.Sweeps;
using Volley.Shared.Config.Yaml;

namespace Volley.Coordinator.Cli.SweepVerbs;

/// <summary><c>volley sweep submit</c>.</summary>
internal static class SubmitVerb
{
    public static Command Create()
    {
        var file = new Argument<string>("FILE") { Description = "The sweep file (YAML)" };
        var set = new Option<string[]>("--set") { Description = "Override a setting of the file, e.g. --set train.epochs=3; may be repeated", HelpName = "KEY=VALUE", DefaultValueFactory = _ => [] };
        var isNew = new Option<bool>("--new") { Description = "Run a file again that was submitted before, as NAME-2, NAME-3 …" };
        return ClientVerb.Create("submit", """
            Check a sweep file here, then hand it to the coordinator. Its relative paths are relative to each agent's --data-root.

            Examples:
              volley sweep submit sweep.yaml
              volley sweep submit sweep.yaml --set name=second-try --set train.epochs=3
              volley sweep submit sweep.yaml --new

            Exit code: 0 submitted, now or before; 2 the file cannot be used, or another sweep has its name.
            """, [file, set, isNew],
            (parsed, session) => SubmitAsync(session, parsed.GetRequiredValue(file), parsed.GetValue(set) ?? [], parsed.GetValue(isNew)));
    }

    private static async Task<int> SubmitAsync(ClientSession session, string file, string[] overrides, bool isNew)
    {
        var source = SweepFile.Load(file, overrides).Source;
        var request = new SubmitRequest { FileName = source.FileName, Text = source.Text, Overrides = source.Overrides, IsNew = isNew };
        // Every problem of every trial is found here, before a byte is sent.
        SubmissionCheck.Check(new SweepSubmission("sweep", request.FileName, request.Text, request.Overrides, "", "", ""));
        SubmitAnswer answer;
        try
        {
            answer = await session.Client.SubmitAsync(request, session.Stop);
        }
        catch (ApiException conflict) when (conflict.Status == HttpStatusCode.Conflict)
        {
            throw new Shared.UserErrorException($"{conflict.Message} Give this one another name: name: in the file, or --set name=….", conflict);
        }
        var sweep = answer.Sweep;
        if (session.IsJson)
        {
            session.Json(answer);
            return 0;
        }
        var trials = sweep.TrialsPlanned is { } planned ? $"{planned} trials" : "no fixed number of trials";
        if (answer.IsNew) session.Line($"Submitted {sweep.Id}: {trials}.");
        else session.Line($"Already submitted as {sweep.Id} ({sweep.State}, {sweep.Finished} of {trials} finished); --new runs it again.");
        session.Line($"  {session.Command("sweep", "watch", sweep.Id)}");
        return 0;
    }
}
