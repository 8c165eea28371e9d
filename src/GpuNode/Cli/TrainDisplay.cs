using System.Globalization;
using Spectre.Console;
using Volley.GpuNode.Training;
using Volley.Shared.Results;

namespace Volley.GpuNode.Cli;

/// <summary>What a person sees of a run: one live line in a terminal, plain lines otherwise.</summary>
internal abstract class TrainDisplay : ITrialObserver
{
    private string _newest = "";

    /// <summary>Runs <paramref name="train"/> on a thread of its own and shows it until it ends.</summary>
    public abstract void Show(Action<ITrialObserver> train);

    public abstract void OnProgress(int epoch, int totalEpochs, long step, long totalSteps, double loss, double imagesPerSecond);

    public void OnEpoch(EpochMetrics epoch)
    {
        _newest = epoch.Validation?.Accuracy is { } validated ? Text($", validation accuracy {validated:0.0%}")
            : epoch.Validation?.Map is { } map ? Text($", validation mAP {map:0.000}")
            : epoch.TrainAccuracy is { } trained ? Text($", training accuracy {trained:0.0%}") : "";
        Line(Of(epoch));
    }

    public void OnCheckpoint(WrittenCheckpoint checkpoint) { }

    public void OnLog(string line) => Line(line);

    protected abstract void Line(string text);

    public static TrainDisplay Create(int globalBatchSize) =>
        AnsiConsole.Profile.Capabilities.Interactive && !Console.IsOutputRedirected ? new LiveDisplay(globalBatchSize) : new PlainDisplay(globalBatchSize);

    /// <summary>Runs an action on a dedicated thread: dispose scopes and torch's settings belong to threads.</summary>
    protected static (Thread Thread, Func<Exception?> Failure) Start(Action action)
    {
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                action();
            }
#pragma warning disable CA1031 // rethrown by the thread that waits
            catch (Exception wrong)
#pragma warning restore CA1031
            {
                failure = wrong;
            }
        }) { Name = "training" };
        thread.Start();
        return (thread, () => failure);
    }

    protected static void Rethrow(Exception? failure)
    {
        if (failure is not null) System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
    }

    protected string Progress(int epoch, int totalEpochs, long step, long totalSteps, double loss, double imagesPerSecond, int globalBatchSize) => Text(
        $"epoch {Math.Min(epoch + 1, totalEpochs)}/{totalEpochs}, step {step}/{totalSteps}: loss {loss:0.0000}{_newest}, {imagesPerSecond:0.#} images/s, {Eta(totalSteps - step, globalBatchSize, imagesPerSecond)} left");

    private static string Eta(long steps, int imagesPerStep, double imagesPerSecond) =>
        imagesPerSecond > 0 && double.IsFinite(imagesPerSecond) ? Duration(TimeSpan.FromSeconds(Math.Min(steps * imagesPerStep / imagesPerSecond, 1e8))) : "?";

    public static string Of(Evaluation evaluation)
    {
        var parts = new List<string> { Text($"loss {evaluation.Loss:0.0000}") };
        if (evaluation.Accuracy is { } accuracy) parts.Add(Text($"accuracy {accuracy:0.00%}"));
        if (evaluation.Top5 is { } top5) parts.Add(Text($"top-5 {top5:0.00%}"));
        if (evaluation.Map is { } map) parts.Add(Text($"mAP {map:0.0000}"));
        if (evaluation.F1 is { } f1) parts.Add(Text($"F1 {f1:0.0000}"));
        if (evaluation.FiringRate is { } rate) parts.Add(Text($"firing rate {rate:0.0000}"));
        return string.Join(", ", parts);
    }

    protected static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static string Duration(TimeSpan time) => time.TotalHours >= 1 ? Text($"{(int)time.TotalHours}:{time.Minutes:00}:{time.Seconds:00}") : Text($"{time.Minutes}:{time.Seconds:00}");

    private static string Of(EpochMetrics epoch)
    {
        var trained = epoch.TrainAccuracy is { } accuracy ? Text($"loss {epoch.TrainLoss:0.0000}, accuracy {accuracy:0.00%}") : Text($"loss {epoch.TrainLoss:0.0000}");
        var validated = epoch.Validation is { } validation ? $"; validation: {Of(validation)}" : "";
        return Text($"epoch {epoch.Epoch}: train: {trained}{validated}; lr {epoch.LearningRate:g4}, {epoch.ImagesPerSecond:0.#} images/s");
    }
}

/// <summary>A bar with epoch, loss, speed and time left; events scroll above it.</summary>
internal sealed class LiveDisplay(int globalBatchSize) : TrainDisplay
{
    private static readonly TimeSpan Refresh = TimeSpan.FromMilliseconds(100);
    private ProgressTask? _bar;

    public override void Show(Action<ITrialObserver> train)
    {
        Exception? failure = null;
        AnsiConsole.Progress().AutoClear(true).Columns(new ProgressBarColumn(), new PercentageColumn(), new TaskDescriptionColumn { Alignment = Justify.Left }, new SpinnerColumn())
            .Start(context =>
            {
                _bar = context.AddTask("opening the data", maxValue: 1);
                var (thread, failed) = Start(() => train(this));
                while (!thread.Join(Refresh)) context.Refresh();
                failure = failed();
            });
        Rethrow(failure);
    }

    public override void OnProgress(int epoch, int totalEpochs, long step, long totalSteps, double loss, double imagesPerSecond)
    {
        if (_bar is null) return;
        _bar.MaxValue = totalSteps;
        _bar.Value = step;
        _bar.Description = Markup.Escape(Progress(epoch, totalEpochs, step, totalSteps, loss, imagesPerSecond, globalBatchSize));
    }

    protected override void Line(string text) => AnsiConsole.WriteLine(text);
}

/// <summary>For pipes and files: a line per epoch, and now and then one in between.</summary>
internal sealed class PlainDisplay(int globalBatchSize) : TrainDisplay
{
    private static readonly TimeSpan LineEvery = TimeSpan.FromSeconds(10);
    private readonly TimeProvider _time = TimeProvider.System;
    private long _lastLine = TimeProvider.System.GetTimestamp();

    public override void Show(Action<ITrialObserver> train)
    {
        var (thread, failed) = Start(() => train(this));
        thread.Join();
        Rethrow(failed());
    }

    public override void OnProgress(int epoch, int totalEpochs, long step, long totalSteps, double loss, double imagesPerSecond)
    {
        if (_time.GetElapsedTime(_lastLine) < LineEvery) return;
        _lastLine = _time.GetTimestamp();
        Line(Progress(epoch, totalEpochs, step, totalSteps, loss, imagesPerSecond, globalBatchSize));
    }

    // From the training thread and the checkpoint writer's.
    protected override void Line(string text) => Console.Out.WriteLine(text);
}
