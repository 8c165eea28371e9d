using System.CommandLine;

namespace Volley.Coordinator.Cli.TrialVerbs;

/// <summary><c>volley trial retry</c> and <c>kill</c>.</summary>
internal static class SteerTrialVerbs
{
    public static Command Retry() => Create("retry", """
        Give a failed or cancelled trial another chance, from its newest checkpoint.

        Example:
          volley trial retry my-sweep/7
        """);

    public static Command Kill() => Create("kill", """
        End one trial as cancelled, at once: its ranks are killed, its checkpoints stay. `volley trial retry` takes it up again.

        Example:
          volley trial kill my-sweep/7
        """);

    private static Command Create(string verb, string help)
    {
        var trial = TrialArgument.Create();
        return ClientVerb.Create(verb, help, [trial], async (parsed, session) =>
        {
            var (sweep, number) = TrialArgument.Read(parsed.GetValue(trial)!);
            var answer = await session.Client.SteerTrialAsync(sweep, number, verb, session.Stop);
            var view = await session.Client.TrialAsync(sweep, number, session.Stop);
            if (session.IsJson) session.Json(view);
            else session.Line($"{sweep}/{number}: {view.State}.");
            foreach (var note in answer.Notes) await session.Error.WriteLineAsync(note);
            return 0;
        });
    }
}
