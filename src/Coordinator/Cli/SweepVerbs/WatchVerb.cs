using System.CommandLine;
using Volley.Coordinator.Http;
using Volley.Coordinator.Watch;

namespace Volley.Coordinator.Cli.SweepVerbs;

/// <summary><c>volley sweep watch</c>: the live table of <c>volley run</c>, for a sweep anywhere.</summary>
internal static class WatchVerb
{
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(500);

    public static Command Create()
    {
        var sweep = ClientVerb.Sweep();
        return ClientVerb.Create("watch", """
            Show a sweep while it runs, until it is over. Ctrl-C ends the watch and leaves the sweep alone.
            With --json: one line per look that brought something new.

            Examples:
              volley sweep watch my-sweep
              volley sweep watch my-sweep | tee my-sweep.log

            Exit code: 0 every trial finished, 1 one failed or was cancelled, 130 the watch was ended.
            """, [sweep], (parsed, session) => session.UntilInterruptedAsync(
                stop => WatchAsync(session, parsed.GetRequiredValue(sweep), stop),
                () => session.Error.WriteLine($"The sweep goes on without this watch. To watch again:\n  {session.Command("sweep", "watch", parsed.GetRequiredValue(sweep))}")));
    }

    private static async Task<int> WatchAsync(ClientSession session, string sweep, CancellationToken stop)
    {
        SweepView view;
        using (var display = DisplayFor(session))
        {
            var watch = new SweepWatch();
            while ((view = await watch.LookAsync(session.Client, sweep, display, stop)).State is not ("finished" or "cancelled"))
                await Task.Delay(Period, stop);
        }
        if (!session.IsJson) session.Line($"{view.Id}: {view.State}, {Words.Trials(view)}. Its results: {session.Command("sweep", "results", view.Id)}");
        return view.State == "finished" && view.Failed + view.Cancelled == 0 ? 0 : ClientVerb.FailedExitCode;
    }

    private static ISweepDisplay DisplayFor(ClientSession session) =>
        session.IsJson ? new JsonDisplay(session) : SweepDisplays.For(session.Output, TimeProvider.System);

    /// <summary>Views as they come; what only repeats the last one is left out.</summary>
    private sealed class JsonDisplay(ClientSession session) : ISweepDisplay
    {
        private long _version = -1;

        public void Show(SweepWatch watch, IReadOnlyList<string> lines)
        {
            if (watch.Sweep is not { } view || view.Version == _version) return;
            _version = view.Version;
            session.JsonLine(view);
        }

        public void Say(string line) => session.Error.WriteLine(line);

        public void Dispose() => session.Output.Flush();
    }
}
