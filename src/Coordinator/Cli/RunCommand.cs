using System.CommandLine;
using Spectre.Console;
using Volley.Coordinator.LocalRun;
using Volley.Coordinator.Report;
using Volley.Coordinator.Results;
using Volley.Coordinator.Watch;
using Volley.Shared;
using Volley.Shared.Cli;
using Volley.Shared.Config.Yaml;
using Volley.Shared.Results;

namespace Volley.Coordinator.Cli;

/// <summary><c>volley run</c>: a sweep on this machine, from the file to the leaderboard.</summary>
internal static class RunCommand
{
    private const string HtmlReportFile = "report.html";

    // A pipe has no width; Spectre would take 80 and break hashes.
    private const int RedirectedWidth = 200;

    public static Command Create()
    {
        var file = new Argument<string>("FILE") { Description = "The sweep file (YAML)" };
        var output = new Option<string?>("--out", "-o") { Description = "Folder for journal, checkpoints, logs and results; default runs/<name of the sweep>. The same folder again goes on where it was", HelpName = "DIR" };
        var slots = new Option<int?>("--slots") { Description = "Ranks at once; default: cores divided by threads_per_rank", HelpName = "N" };
        var data = new Option<string?>("--data-dir") { Description = "A copy of the data set at hand: a folder, an archive or a packed file (train.dataset.path). Nothing is downloaded then", HelpName = "PATH" };
        var root = new Option<string?>("--data-root") { Description = "Cache of downloads and prepared data sets; default ~/.cache/volley/data", HelpName = "DIR" };
        var set = new Option<string[]>("--set") { Description = "Override a setting of the file, e.g. --set train.epochs=3; may be repeated", HelpName = "KEY=VALUE", DefaultValueFactory = _ => [] };
        var json = new Option<bool>("--json") { Description = "Print the results as JSON on standard output, events on standard error" };
        var command = new Command("run", """
            Run a sweep on this machine, from a YAML file to a leaderboard and a report.

            Examples:
              volley run examples/quickstart.yaml
              volley run sweep.yaml --out runs/second-try --slots 4 --set train.epochs=3
              volley run examples/cifar10-four-models.yaml --data-dir ~/Downloads/cifar-10-binary.tar.gz

            Ctrl-C stops after a checkpoint of every running trial; the same command goes on from there.
            Exit code: 0 all trials finished, 1 a trial failed, 2 bad input, 130 interrupted.
            """)
        {
            file, output, slots, data, root, set, json,
        };
        command.SetAction((arguments, _) => RunAsync(new Arguments(
            arguments.GetRequiredValue(file), arguments.GetValue(output), arguments.GetValue(slots), arguments.GetValue(root),
            DataCopy.Overrides(arguments.GetValue(set) ?? [], arguments.GetValue(data)), arguments.GetValue(json))));
        return command;
    }

    private sealed record Arguments(string File, string? Out, int? Slots, string? DataRoot, string[] Overrides, bool IsJson);

    private static async Task<int> RunAsync(Arguments arguments)
    {
        _ = NodeProgram.Locate();       // before anything is made
        var spec = SweepFile.Load(arguments.File, arguments.Overrides);
        if (arguments.Slots is < 1) throw new UserErrorException($"--slots: is {arguments.Slots}, must be at least 1.");
        var options = new LocalSweepOptions(
            spec,
            Path.GetDirectoryName(Path.GetFullPath(arguments.File))!,
            arguments.Slots ?? Math.Max(1, Environment.ProcessorCount / spec.Resources.ThreadsPerRank),
            Path.GetFullPath(arguments.DataRoot ?? UserFolders.DataRoot()));

        using var folder = RunFolder.Open(arguments.Out ?? Path.Combine("runs", spec.Name));
        ISweepDisplay? display = null;
        using var interruption = new Interruption(_ => display?.Say("Stopping: running trials write a checkpoint first (Ctrl-C again kills them) …"));
        (LocalSweepEnd End, SweepResults Results) result;
        using (display = DisplayFor(arguments))
            result = await LocalSweep.RunAsync(folder, options, display, TimeProvider.System, interruption.Token);

        ResultsFiles.Write(folder.Path, result.Results);
        HtmlReport.Write(folder.In(HtmlReportFile), result.Results);
        if (arguments.IsJson) Console.WriteLine(await File.ReadAllTextAsync(folder.In(ResultsFiles.Json)));
        if (result.End == LocalSweepEnd.Interrupted)
        {
            await Console.Error.WriteLineAsync($"Interrupted with {result.Results.Trials.Count(trial => trial.IsFinished)} of {result.Results.Trials.Count} trials finished. To go on:\n  {CommandText.ThisCommand()}");
            return CommandLineHost.InterruptedExitCode;
        }
        if (!arguments.IsJson) PrintLeaderboard(folder, result.Results);
        return result.Results.Trials.All(trial => trial.IsFinished) ? 0 : 1;
    }

    private static void PrintLeaderboard(RunFolder folder, SweepResults results)
    {
        if (Console.IsOutputRedirected) AnsiConsole.Profile.Width = RedirectedWidth;
        LeaderboardTable.Print(AnsiConsole.Console, Leaderboard.Of(results));
        foreach (var trial in results.Trials.Where(trial => !trial.IsFinished)) Console.WriteLine($"trial {trial.Number} ({trial.Model}) {trial.State.ToString().ToLowerInvariant()}: {trial.Error}");
        var shown = Path.GetRelativePath(Environment.CurrentDirectory, folder.Path);
        if (shown.StartsWith("..", StringComparison.Ordinal)) shown = folder.Path;
        Console.WriteLine($"results_digest {results.ResultsDigest}");
        Console.WriteLine($"Written: {Path.Combine(shown, ResultsFiles.Json)}, {Path.Combine(shown, ResultsFiles.Csv)}, {Path.Combine(shown, HtmlReportFile)}");
    }

    private static ISweepDisplay DisplayFor(Arguments arguments) =>
        arguments.IsJson ? new PlainDisplay(Console.Error, TimeProvider.System) : SweepDisplays.For(Console.Out, TimeProvider.System);
}
