using System.Diagnostics;
using Spectre.Console;
using Volley.GpuNode.Data.Sources;

namespace Volley.GpuNode.Cli;

/// <summary>Shows how far a download or a preparation is: a bar in a terminal, a line every few seconds otherwise.</summary>
internal static class PrepareDisplay
{
    private static readonly TimeSpan LineEvery = TimeSpan.FromSeconds(5);

    public static T Run<T>(Func<IProgress<PrepareProgress>, T> work) =>
        Console.IsOutputRedirected ? work(new Lines()) : AnsiConsole.Progress()
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn(), new SpinnerColumn())
            .AutoClear(true)
            .Start(context => work(new Bars(context)));

    private static string Amount(PrepareProgress progress) => progress.Unit == "bytes"
        ? progress.Total > 0 ? $"{progress.Done / 1e6:F1} of {progress.Total / 1e6:F1} MB" : $"{progress.Done / 1e6:F1} MB"
        : progress.Total > 0 ? $"{progress.Done:N0} of {progress.Total:N0} {progress.Unit}" : $"{progress.Done:N0} {progress.Unit}";

    /// <summary>One bar per stage. Told from several threads.</summary>
    private sealed class Bars(ProgressContext context) : IProgress<PrepareProgress>
    {
        private readonly Lock _gate = new();
        private readonly Dictionary<string, ProgressTask> _tasks = [];

        public void Report(PrepareProgress value)
        {
            lock (_gate)
            {
                if (!_tasks.TryGetValue(value.Stage, out var task)) _tasks[value.Stage] = task = context.AddTask(Markup.Escape(value.Stage));
                task.IsIndeterminate = value.Total == 0;
                if (value.Total > 0) task.MaxValue = value.Total;
                task.Value = Math.Max(task.Value, value.Done);
                task.Description = Markup.Escape($"{value.Stage}: {Amount(value)}");
            }
        }
    }

    private sealed class Lines : IProgress<PrepareProgress>
    {
        private readonly Lock _gate = new();
        private readonly Stopwatch _sinceLast = Stopwatch.StartNew();

        public void Report(PrepareProgress value)
        {
            lock (_gate)
            {
                if (_sinceLast.Elapsed < LineEvery) return;
                _sinceLast.Restart();
                Console.WriteLine($"{value.Stage}: {Amount(value)}");
            }
        }
    }
}
