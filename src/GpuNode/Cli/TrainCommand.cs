using System.CommandLine;
using System.Runtime.InteropServices;
using System.Text.Json;
using Volley.GpuNode.Data;
using Volley.GpuNode.Training;
using Volley.Shared;
using Volley.Shared.Cli;
using Volley.Shared.Config;
using Volley.Shared.Config.Yaml;
using Volley.Shared.Results;

namespace Volley.GpuNode.Cli;

/// <summary><c>volley train</c>: one configuration, in this process.</summary>
internal static class TrainCommand
{
    public static Command Create()
    {
        var file = new Argument<string>("FILE") { Description = "A sweep file in which every value is chosen, by itself or with --set." };
        var resume = new Option<string?>("--resume") { Description = "Go on from a run's folder (its newest valid checkpoint) or from one checkpoint.", HelpName = "DIR" };
        var set = new Option<string[]>("--set") { Description = "Override a setting, for example train.epochs=5 or model.width=16. May be given several times.", HelpName = "KEY=VALUE", AllowMultipleArgumentsPerToken = false };
        var output = new Option<string?>("--out") { Description = "Folder for checkpoints and result.json. Default: runs/NAME, or with --resume the folder of that run.", HelpName = "DIR" };
        var data = new Option<string?>("--data-dir") { Description = "A copy of the data set at hand: a folder, an archive or a packed file (train.dataset.path). Nothing is downloaded then.", HelpName = "PATH" };
        var root = new Option<string?>("--data-root") { Description = "Cache of downloads and prepared data sets. Default: ~/.cache/volley/data.", HelpName = "DIR" };
        var threads = new Option<int?>("--threads") { Description = "Threads for arithmetic (resources.threads_per_rank). Another number gives other last bits.", HelpName = "N" };
        var command = new Command("train",
            """
            Train one configuration in this process, with checkpoints and exact resume.

            Ctrl-C finishes the step under way, writes a checkpoint and prints the command that goes on; a run that was stopped
            and resumed ends with the same weights, bit for bit. Exit code 0: trained to the end; 1: the training failed (a loss
            that is not finite, say); 2: bad input; 130: stopped.

            Examples:
              volley train examples/quickstart.yaml --set model.name=resnet18
              volley train my.yaml --set train.epochs=5 --set optimizer.lr=3e-4 --out runs/try1 --threads 2
              volley train my.yaml --resume runs/try1
            """) { file, resume, set, output, data, root, threads };
        command.SetAction(parsed => Run(
            parsed.GetValue(file)!, parsed.GetValue(resume), Overrides(parsed.GetValue(set) ?? [], parsed.GetValue(data), parsed.GetValue(threads)), parsed.GetValue(output), parsed.GetValue(root)));
        return command;
    }

    private static string[] Overrides(string[] set, string? data, int? threads) =>
        [.. DataCopy.Overrides(set, data), .. threads is null ? Array.Empty<string>() : [$"resources.threads_per_rank={threads}"]];

    private static int Run(string file, string? resume, string[] overrides, string? output, string? dataRoot)
    {
        var sweep = SweepFile.Load(file, overrides);
        var spec = TrialResolver.ResolveOnly(sweep);
        var folder = resume is null ? RunFolder.ForNewRun(output ?? Path.Combine("runs", sweep.Name)) : RunFolder.ToResume(resume, output);
        var directories = new TrialDirectories(
            folder.CheckpointRoot, Path.GetFullPath(dataRoot ?? UserFolders.DataRoot()), Path.GetDirectoryName(Path.GetFullPath(file))!);
        var options = new TrialRunOptions { ResumeFrom = folder.ResumeFrom, RetiresCheckpoints = true };

        using var folderLock = folder.Lock();
        using var interruption = new Interruption(signal => Console.Error.WriteLine(
            $"{(signal == PosixSignal.SIGINT ? "Ctrl-C" : signal)}: finishing the step and writing a checkpoint; once more to end at once."));
        TrialRunResult? result = null;
        try
        {
            TrainDisplay.Create(spec.Train.GlobalBatchSize).Show(observer =>
            {
                using var data = TrainingData.Open(spec, directories, interruption.Token);
                observer.OnLog($"{spec.Train.Model.Name} on {data.Description.Source} ({data.Description.Split}), {data.StepsPerEpoch} steps an epoch, {spec.Train.Epochs} epochs; {folder.Root}");
                result = TrialRunner.Run(spec, folder.Attempt, directories, options, data, observer, interruption.Token);
            });
        }
        catch (NonFiniteStepException failure)
        {
            Console.Error.WriteLine(failure.Message);
            return 1;
        }
        if (result!.End == TrialEnd.Stopped)
        {
            Console.WriteLine($"Stopped after step {result.LastCheckpoint?.Step}. To go on:\n  {ResumeText(file, overrides, folder, dataRoot)}");
            return CommandLineHost.InterruptedExitCode;
        }
        WriteResult(folder, sweep.Name, spec, result.Outcome!);
        Print(folder, result.Outcome!);
        return 0;
    }

    private static string ResumeText(string file, string[] overrides, RunFolder folder, string? dataRoot) => string.Join(' ',
    [
        "./volley train", Quoted(file), .. overrides.SelectMany(o => new[] { "--set", Quoted(o) }),
        .. dataRoot is null ? Array.Empty<string>() : ["--data-root", Quoted(dataRoot)], "--resume", Quoted(folder.Root),
    ]);

    // For a POSIX shell.
    private static string Quoted(string word) =>
        word.All(c => char.IsAsciiLetterOrDigit(c) || "-_./=:,+@%".Contains(c, StringComparison.Ordinal)) && word.Length > 0 ? word : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    private static void WriteResult(RunFolder folder, string name, TrialSpec spec, TrialOutcome outcome)
    {
        try
        {
            File.WriteAllBytes(folder.ResultPath, JsonSerializer.SerializeToUtf8Bytes(new TrainResult(name, spec, outcome), ConfigJson.ReadableOptions));
        }
        catch (Exception wrong) when (wrong is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{folder.ResultPath}: cannot be written ({wrong.Message}). The checkpoints are complete; free space and resume to get it.", wrong);
        }
    }

    private static void Print(RunFolder folder, TrialOutcome outcome)
    {
        if (outcome.Validation is { } validation) Console.WriteLine($"validation (epoch {outcome.BestEpoch}, the best): {TrainDisplay.Of(validation)}");
        if (outcome.Test is { } test) Console.WriteLine($"test: {TrainDisplay.Of(test)}");
        Console.WriteLine(FormattableString.Invariant(
            $"{outcome.Cost.Parameters:N0} parameters, {outcome.Cost.Macs / 1e6:0.#} M MACs, {outcome.Cost.EnergyPj / 1e6:0.##} µJ an image; {outcome.TrainSeconds:0.#} s; weights {outcome.WeightsSha256[..12]}; {folder.ResultPath}"));
    }
}

/// <summary>result.json of one run.</summary>
internal sealed record TrainResult(string Name, TrialSpec Config, TrialOutcome Outcome);
