using System.CommandLine;
using Volley.Coordinator.Http;
using Volley.Coordinator.Sweeps;
using Volley.Shared;

namespace Volley.Coordinator.Cli.SweepVerbs;

/// <summary><c>volley sweep pause</c>, <c>resume</c>, <c>cancel</c>, <c>repair</c>, <c>extend</c> and <c>priority</c>.</summary>
internal static class SteerVerbs
{
    private static readonly TimeSpan LookPeriod = TimeSpan.FromMilliseconds(250);

    public static Command Pause() => Simple("pause", """
        Stop a sweep for now: every running trial writes a checkpoint at its next step and frees its slots.

        Examples:
          volley sweep pause my-sweep
          volley sweep pause my-sweep --wait
        """, WaitOption("Until every slot is free"), "paused");

    public static Command Resume() => Simple("resume", """
        Go on with a paused sweep, from its checkpoints.

        Example:
          volley sweep resume my-sweep
        """, null, "running");

    public static Command Cancel() => Simple("cancel", """
        End a sweep: running trials are killed, what was finished and every checkpoint stays. `volley sweep repair` takes it up again.

        Example:
          volley sweep cancel my-sweep
        """, WaitOption("Until every rank has ended"), "cancelled");

    public static Command Repair() => Simple("repair", """
        Rerun exactly what has no result: failed and cancelled trials go on from their newest checkpoints, those never made are made.

        Example:
          volley sweep repair my-sweep
        """, null, null);

    public static Command Extend()
    {
        var sweep = ClientVerb.Sweep();
        var epochs = new Option<int>("--epochs") { Description = "Train every trial for so many epochs in all, finished ones too", HelpName = "N" };
        var trials = new Option<int>("--trials") { Description = "Let the search make so many trials in all", HelpName = "N" };
        return ClientVerb.Create("extend", """
            More of the same sweep. Both numbers are totals, so that asking twice extends once.

            Examples:
              volley sweep extend my-sweep --trials 80
              volley sweep extend my-sweep --epochs 60
            """, [sweep, epochs, trials], (parsed, session) =>
            {
                var request = new ExtendRequest(parsed.GetValue(epochs), parsed.GetValue(trials));
                if (request.Epochs < 0 || request.Trials < 0 || request == new ExtendRequest())
                    throw new UserErrorException("Give --epochs N or --trials N, or both: how many in all, at least 1.");
                return SteerAsync(session, parsed.GetRequiredValue(sweep), "extend", request, null, null);
            });
    }

    public static Command Priority()
    {
        var sweep = ClientVerb.Sweep();
        var priority = new Argument<int>("PRIORITY") { Description = $"{SetPriority.Lowest} to {SetPriority.Highest}; sweeps have 0, or resources.priority of their file" };
        return ClientVerb.Create("priority", """
            Change a sweep's priority. A waiting trial of a higher one takes the slots of trials of lower ones, which write a checkpoint and wait.

            Examples:
              volley sweep priority my-sweep 10
              volley sweep priority my-sweep -- -5
            """, [sweep, priority], (parsed, session) =>
            {
                var value = parsed.GetRequiredValue(priority);
                if (value is < SetPriority.Lowest or > SetPriority.Highest)
                    throw new UserErrorException($"PRIORITY is {value}, must be {SetPriority.Lowest} to {SetPriority.Highest}.");
                return SteerAsync(session, parsed.GetRequiredValue(sweep), "priority", new PriorityRequest(value), null, null);
            });
    }

    private static Option<bool> WaitOption(string until) => new("--wait") { Description = until };

    private static Command Simple(string verb, string help, Option<bool>? wait, string? expected)
    {
        var sweep = ClientVerb.Sweep();
        return ClientVerb.Create(verb, help, wait is null ? [sweep] : [sweep, wait], (parsed, session) =>
            SteerAsync(session, parsed.GetRequiredValue(sweep), verb, null, expected, wait is not null && parsed.GetValue(wait) ? LookPeriod : null));
    }

    /// <param name="expected">State in which it did what it is for; null: whatever it is.</param>
    /// <param name="waitPeriod">Look so often until nothing runs; null: do not wait.</param>
    private static async Task<int> SteerAsync(ClientSession session, string sweep, string verb, object? body, string? expected, TimeSpan? waitPeriod)
    {
        var answer = await session.Client.SteerAsync(sweep, verb, session.Stop, body);
        while (waitPeriod is { } period && answer.Sweep.Running > 0)
        {
            await Task.Delay(period, session.Stop);
            answer = answer with { Sweep = await session.Client.DescribeAsync(sweep, session.Stop) };
        }
        if (session.IsJson) session.Json(answer);
        else session.Line($"{answer.Sweep.Id}: {answer.Sweep.State}; {Words.Trials(answer.Sweep)}.");
        foreach (var note in answer.Notes) await session.Error.WriteLineAsync(note);
        return expected is null || answer.Sweep.State == expected ? 0 : ClientVerb.FailedExitCode;
    }
}
