using System.CommandLine;
using System.Net;
using Volley.Coordinator.Client;
using Volley.Coordinator.Http;
using Volley.Shared;

namespace Volley.Coordinator.Cli.TrialVerbs;

/// <summary><c>volley trial logs</c>.</summary>
internal static class LogsVerb
{
    private static readonly TimeSpan LookPeriod = TimeSpan.FromMilliseconds(500);

    public static Command Create()
    {
        var trial = TrialArgument.Create();
        var follow = new Option<bool>("--follow", "-f") { Description = "Go on as it grows, from attempt to attempt and machine to machine, until the trial has ended" };
        var attempt = new Option<int?>("--attempt") { Description = "Default: the newest", HelpName = "N" };
        var rank = new Option<int>("--rank") { Description = "Default: 0, which speaks for the trial", HelpName = "N" };
        return ClientVerb.Create("logs", """
            What a trial writes, from whichever machine it runs on. With --json: an object a line.

            Examples:
              volley trial logs my-sweep/7
              volley trial logs -f my-sweep/7
              volley trial logs my-sweep/7 --attempt 1 --rank 2
            """, [trial, follow, attempt, rank], (parsed, session) =>
            {
                var (sweep, number) = TrialArgument.Read(parsed.GetValue(trial)!);
                var (named, from) = (parsed.GetValue(attempt), parsed.GetValue(rank));
                if (named is < 1) throw new UserErrorException($"--attempt: is {named}, must be at least 1.");
                if (from < 0) throw new UserErrorException($"--rank: is {from}, must be at least 0.");
                return session.UntilInterruptedAsync(
                    stop => parsed.GetValue(follow) && named is null ? FollowAsync(session, sweep, number, from, stop) : PrintAsync(session, sweep, number, named, from, parsed.GetValue(follow), stop),
                    () => { });
            });
    }

    private static async Task<int> PrintAsync(ClientSession session, string sweep, int trial, int? attempt, int rank, bool follow, CancellationToken stop)
    {
        var wanted = attempt ?? (await session.Client.TrialAsync(sweep, trial, stop)).Attempt;
        if ((await CopyAsync(session, sweep, trial, wanted, rank, follow, 0, stop)).IsWhole) return 0;
        await session.Error.WriteLineAsync("The log broke off: its machine does not answer any more.");
        return ClientVerb.FailedExitCode;
    }

    /// <summary>Attempt after attempt. Ends with the trial, not with a machine or a coordinator on the way.</summary>
    private static async Task<int> FollowAsync(ClientSession session, string sweep, int trial, int rank, CancellationToken stop)
    {
        var (followed, lines, isWhole) = (0, 0, true);
        while (true)
        {
            var view = await session.Client.TrialAsync(sweep, trial, stop);
            var isOver = view.State is "finished" or "failed" or "cancelled";
            if ((view.Attempt > followed || !isWhole) && view.State != "starting")
            {
                try
                {
                    if (view.Attempt > followed && followed > 0) await session.Error.WriteLineAsync($"-- attempt {view.Attempt} on {view.Node} --");
                    // What broke off goes on behind the lines that were printed.
                    if (view.Attempt > followed) (followed, lines) = (view.Attempt, 0);
                    (lines, isWhole) = await CopyAsync(session, sweep, trial, followed, rank, follow: true, lines, stop);
                    if (isWhole) continue;      // what came after it while it was read
                }
                catch (ApiException missing) when (missing.Status is (HttpStatusCode.NotFound or HttpStatusCode.BadGateway) && !isOver)
                {
                    isWhole = false;            // its process has not written yet; or the machine is gone and another attempt comes
                }
            }
            if (isOver && isWhole) return 0;
            await Task.Delay(LookPeriod, stop);
        }
    }

    /// <param name="skip">Lines that were printed before.</param>
    /// <returns>Lines printed so far, and whether it came to its end.</returns>
    private static async Task<(int Lines, bool IsWhole)> CopyAsync(ClientSession session, string sweep, int trial, int attempt, int rank, bool follow, int skip, CancellationToken stop)
    {
        using var response = await session.Client.LogAsync(sweep, trial, attempt, rank, follow, stop);
        if (response.Headers.TryGetValues(LogApi.ExcerptHeader, out var nodes))
            await session.Error.WriteLineAsync($"Node {nodes.First()}, which has this log, does not answer: only the last lines of the attempt that failed last are known.");
        var count = 0;
        try
        {
            using var lines = new StreamReader(await response.Content.ReadAsStreamAsync(stop));
            while (await lines.ReadLineAsync(stop) is { } line)
            {
                if (++count <= skip) continue;
                if (session.IsJson) session.JsonLine(new { trial = $"{sweep}/{trial}", attempt, rank, line });
                else session.Line(line);
                await session.Output.FlushAsync(stop);
            }
            return (Math.Max(skip, count), true);
        }
        catch (Exception lost) when (lost is IOException or HttpRequestException)
        {
            return (Math.Max(skip, count), false);
        }
    }
}
