using System.CommandLine;
using System.Text.Json;
using Volley.GpuNode.Checkpointing;
using Volley.GpuNode.Data;
using Volley.GpuNode.Training;
using Volley.Shared.Cli;
using Volley.Shared.Config;
using Volley.Shared.Results;

namespace Volley.GpuNode.Cli;

/// <summary><c>volley eval</c>: a checkpoint's weights on a part of its data.</summary>
internal static class EvalCommand
{
    public static Command Create()
    {
        var directory = new Argument<string>("DIR") { Description = "A run's folder (its newest checkpoint) or one checkpoint." };
        var part = new Option<string>("--part") { Description = "train, validation or test.", DefaultValueFactory = _ => "test" };
        part.AcceptOnlyFromAmong("train", "validation", "test");
        var weights = new Option<string>("--weights") { Description = "last: as training left them; best: of the best epoch so far; reported: what the trial reports, the best where there are any.", DefaultValueFactory = _ => "reported" };
        weights.AcceptOnlyFromAmong("reported", "last", "best");
        var data = new Option<string?>("--data-dir") { Description = "A copy of the data set at hand. Default: where training found it.", HelpName = "PATH" };
        var root = new Option<string?>("--data-root") { Description = "Cache of downloads and prepared data sets. Default: ~/.cache/volley/data.", HelpName = "DIR" };
        var baseDirectory = new Option<string?>("--base-dir") { Description = "What a relative dataset.path is relative to: the sweep file's folder. Default: as in training.", HelpName = "DIR" };
        var threads = new Option<int?>("--threads") { Description = "Threads for arithmetic. Default: as in training.", HelpName = "N" };
        var json = new Option<bool>("--json") { Description = "Print one JSON object." };
        var command = new Command("eval",
            """
            Evaluate a checkpoint.

            The checkpoint says which model, data and split it was trained with. Every file is compared with its hash first.

            Examples:
              volley eval runs/try1
              volley eval runs/try1/checkpoints/1200.a1 --part validation --weights last --json
            """) { directory, part, weights, data, root, baseDirectory, threads, json };
        command.SetAction(parsed => Run(new Request(
            parsed.GetValue(directory)!, Enum.Parse<DataPart>(parsed.GetValue(part)!, ignoreCase: true), parsed.GetValue(weights)!,
            parsed.GetValue(data), parsed.GetValue(root), parsed.GetValue(baseDirectory), parsed.GetValue(threads), parsed.GetValue(json))));
        return command;
    }

    private static int Run(Request request)
    {
        using var interruption = new Interruption();
        EvaluationReport? report = null;
        new PlainDisplay(1).Show(_ => report = Evaluate(request, interruption.Token));
        if (request.Json) Console.WriteLine(JsonSerializer.Serialize(report, ConfigJson.ReadableOptions));
        else Console.WriteLine($"{report!.Checkpoint}: {report.Weights} weights of step {report.Step} on {report.Evaluation.Images:N0} {report.Part} images: {TrainDisplay.Of(report.Evaluation)}");
        return 0;
    }

    private static EvaluationReport Evaluate(Request request, CancellationToken stop)
    {
        var path = Path.GetFullPath(request.Directory);
        if (Directory.Exists(Path.Combine(path, "checkpoints"))) path = Path.Combine(path, "checkpoints");
        using var opened = CheckpointReader.OpenNewestValid(CheckpointReader.Candidates(path), Console.Error.WriteLine);
        var saved = StateFile.Parse(opened.State, opened.StatePath);
        var spec = saved.Spec;
        if (request.Threads is { } threads) spec = spec with { Resources = spec.Resources with { ThreadsPerRank = threads } };
        if (request.Data is { } copy) spec = spec with { Train = spec.Train with { Dataset = spec.Train.Dataset with { Path = Path.GetFullPath(copy) } } };
        var directories = new TrialDirectories(path, Path.GetFullPath(request.DataRoot ?? UserFolders.DataRoot()), Path.GetFullPath(request.BaseDirectory ?? (saved.BaseDirectory.Length > 0 ? saved.BaseDirectory : ".")));
        using var data = TrainingData.Open(spec, directories, stop);
        var evaluation = CheckpointEvaluation.Run(opened, saved, spec, data, request.Part, request.Weights, stop);
        return new EvaluationReport(opened.Directory, saved.Run.Step, request.Weights, request.Part.ToString().ToLowerInvariant(), data.Description, evaluation);
    }

    private sealed record Request(string Directory, DataPart Part, string Weights, string? Data, string? DataRoot, string? BaseDirectory, int? Threads, bool Json);
}

/// <summary>What <c>eval --json</c> prints.</summary>
internal sealed record EvaluationReport(string Checkpoint, long Step, string Weights, string Part, DataDescription Data, Evaluation Evaluation);
