using Spectre.Console;
using Spectre.Console.Rendering;
using Volley.Coordinator.Http;

namespace Volley.Coordinator.Watch;

/// <summary>One live table in a terminal, no wider and no higher than it.</summary>
internal sealed class TableDisplay : ISweepDisplay
{
    // Title, header, borders, messages: what a screen needs beside the rows.
    private const int LinesBesideRows = 9;

    private readonly IAnsiConsole _console;
    private readonly TimeProvider _clock;
    private readonly long _start;
    private readonly Queue<string> _said = new();
    private readonly Lock _lock = new();
    private readonly TaskCompletionSource _end = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _live;
    private LiveDisplayContext? _context;
    private SweepWatch? _watch;

    public TableDisplay(IAnsiConsole console, TimeProvider clock)
    {
        (_console, _clock, _start) = (console, clock, clock.GetTimestamp());
        _live = console.Live(new Text("starting …")).Overflow(VerticalOverflow.Crop).StartAsync(context =>
        {
            lock (_lock) _context = context;
            return _end.Task;
        });
    }

    public void Show(SweepWatch watch, IReadOnlyList<string> lines)
    {
        lock (_lock)
        {
            _watch = watch;
            foreach (var line in lines.Where(line => line.Contains("failed", StringComparison.OrdinalIgnoreCase) || line.StartsWith("waiting", StringComparison.Ordinal))) Remember(line);
            Refresh();
        }
    }

    public void Say(string line)
    {
        lock (_lock)
        {
            Remember(line);
            Refresh();
        }
    }

    public void Dispose()
    {
        lock (_lock) Refresh();
        _end.TrySetResult();
        _live.GetAwaiter().GetResult();     // its last frame is drawn; it ends at once
    }

    private void Remember(string line)
    {
        _said.Enqueue(line);
        if (_said.Count > 3) _said.Dequeue();
    }

    private void Refresh()
    {
        if (_context is null || _watch?.Sweep is not { } sweep) return;
        List<IRenderable> parts = [new Text(Summary(sweep)), Table(_watch.Trials)];
        parts.AddRange(_said.Select(line => new Text(line, new Style(Color.Yellow))));
        _context.UpdateTarget(new Rows(parts));
        _context.Refresh();
    }

    private string Summary(SweepView sweep)
    {
        var planned = sweep.TrialsPlanned is { } count ? $" of {count}" : "";
        var failed = sweep.Failed > 0 ? $", {sweep.Failed} failed" : "";
        var state = sweep.State == "running" ? "" : $" ({sweep.State})";
        return $"{sweep.Id}{state}: {sweep.Finished}{planned} trials finished, {sweep.Running} running{failed}   {TrialLines.Duration(_clock.GetElapsedTime(_start).TotalSeconds)}";
    }

    private Table Table(IReadOnlyCollection<TrialView> trials)
    {
        var table = new Table().Border(TableBorder.Rounded).Expand();
        foreach (var (title, isNumber) in new[] { ("trial", true), ("model", false), ("hyperparameters", false), ("epoch", true), ("loss", true), ("accuracy", true), ("images/s", true), ("state", false) })
        {
            var column = new TableColumn(title) { NoWrap = true, Alignment = isNumber ? Justify.Right : Justify.Left };
            table.AddColumn(column);
        }
        foreach (var trial in Visible(trials, Math.Max(3, _console.Profile.Height - LinesBesideRows)))
            table.AddRow(Cells(trial).Select(cell => (IRenderable)new Text(cell, StyleOf(trial.State)) { Overflow = Overflow.Ellipsis }));
        return table;
    }

    /// <summary>All that fit; else what runs or waits, then the newest of the rest, in the order of their numbers.</summary>
    internal static IEnumerable<TrialView> Visible(IReadOnlyCollection<TrialView> trials, int rows) =>
        trials.Count <= rows
            ? trials
            : trials.OrderBy(trial => trial.State is "running" or "starting" or "waiting" ? 0 : trial.State == "failed" ? 1 : 2)
                .ThenByDescending(trial => trial.Number).Take(rows).OrderBy(trial => trial.Number);

    private static IEnumerable<string> Cells(TrialView trial)
    {
        yield return $"{trial.Number}";
        yield return trial.Model;
        yield return TrialLines.Choices(trial.Hyperparameters);
        var inEpoch = trial is { State: "running", TotalSteps: > 0 } ? $"{(double)trial.Step / trial.TotalSteps * trial.TotalEpochs:0.0}" : $"{trial.Epoch}";
        yield return $"{inEpoch}/{trial.TotalEpochs}";
        yield return TrialLines.Number(trial.Loss, "0.0000");
        yield return TrialLines.Number(TrialLines.Accuracy(trial), "0.0000");
        yield return TrialLines.Number(trial.ImagesPerSecond, "0");
        yield return trial.Attempt > 1 && trial.State is "running" or "starting" ? $"{trial.State} (attempt {trial.Attempt})" : trial.State;
    }

    private static Style StyleOf(string state) => state switch
    {
        "finished" => new Style(Color.Green),
        "failed" => new Style(Color.Red),
        "waiting" or "cancelled" => new Style(Color.Grey),
        _ => Style.Plain,
    };
}
