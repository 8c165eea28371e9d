using System.CommandLine;
using System.Text;
using Volley.Coordinator.Chaos;
using Volley.Coordinator.Chaos.Faults;
using Volley.Coordinator.Chaos.Processes;
using Volley.Coordinator.Chaos.Report;
using Volley.Coordinator.Results;
using Volley.Shared;
using Volley.Shared.Cli;

namespace Volley.Coordinator.Cli;

/// <summary><c>volley chaos</c>: a local cluster, a sweep, and everything that can go wrong, on purpose.</summary>
internal static class ChaosCommand
{
    private const int MostNodes = 20;
    private const int MostFaults = 10_000;

    public static Command Create()
    {
        var nodes = new Option<int>("--nodes") { Description = $"Agents of the cluster, 2 to {MostNodes}", HelpName = "N", DefaultValueFactory = _ => 3 };
        var faults = new Option<int>("--faults") { Description = "Faults in all; the sweep is made long enough for them, a few seconds each", HelpName = "N", DefaultValueFactory = _ => 20 };
        var seed = new Option<ulong>("--seed") { Description = "Decides which faults, when and to whom; the same seed, the same plan", HelpName = "S", DefaultValueFactory = _ => 1 };
        var only = new Option<string?>("--faults-only") { Description = "Only these kinds, separated by commas", HelpName = "KINDS" };
        var store = new Option<string>("--store") { Description = "Where checkpoints are: dir, one folder for all nodes; node, a folder for each node and every checkpoint on two", HelpName = "dir|node", DefaultValueFactory = _ => "dir" };
        store.AcceptOnlyFromAmong("dir", "node");
        var output = new Option<string?>("--out", "-o") { Description = "New folder for the report; default runs/chaos-<seed>", HelpName = "DIR" };
        var data = new Option<string?>("--data-root") { Description = "Cache of prepared data sets; default ~/.cache/volley/data", HelpName = "DIR" };
        var keep = new Option<bool>("--keep") { Description = "Keep journals, checkpoints and logs also when all is well" };
        var guard = new Option<string?>(Guard.Option) { Hidden = true, Description = "Started by Volley itself: ends what a run that was killed has left", HelpName = "LEDGER" };
        var command = new Command("chaos", Help()) { nodes, faults, seed, only, store, output, data, keep, guard };
        command.SetAction(async (arguments, _) => arguments.GetValue(guard) is { } ledger
            ? await Guard.WatchAsync(ledger)
            : await RunAsync(new ChaosOptions(
                InRange("--nodes", arguments.GetValue(nodes), 2, MostNodes),
                InRange("--faults", arguments.GetValue(faults), 1, MostFaults),
                arguments.GetValue(seed),
                arguments.GetValue(only) is { } text ? FaultKinds.Parse(text) : [.. FaultKinds.All.Select(info => info.Kind)],
                arguments.GetValue(only) is not null,
                arguments.GetRequiredValue(store),
                Path.GetFullPath(arguments.GetValue(output) ?? Path.Combine("runs", $"chaos-{arguments.GetValue(seed)}")),
                Path.GetFullPath(arguments.GetValue(data) ?? UserFolders.DataRoot()),
                arguments.GetValue(keep))));
        return command;
    }

    private static string Help()
    {
        var text = new StringBuilder("""
            Start a cluster of child processes on this machine and run a sweep on it twice: undisturbed, and under faults drawn from a seed. Then
            compare: every trial must have finished, none twice, with the same numbers and the same weights, bit for bit.

            Examples:
              volley chaos --nodes 3 --faults 20 --seed 1
              volley chaos --faults 200 --seed 7 --out runs/chaos-long
              volley chaos --faults 20 --store node
              volley chaos --faults 10 --faults-only rank-kill,agent-kill,coordinator-kill

            Ctrl-C ends everything that was started. Only processes that the run started are ever signalled. Written to --out: report.md, report.html,
            chaos.json, both results. Exit code: 0 the verdict holds, 1 it does not, 2 bad input, 130 interrupted.

            Kinds of faults (disk-full and link-cut need root, and are left out with a reason where that is missing):

            """);
        foreach (var info in FaultKinds.All) text.Append($"  {info.Name,-20} {info.Summary}\n");
        return text.ToString().TrimEnd();
    }

    private static async Task<int> RunAsync(ChaosOptions options)
    {
        _ = NodeProgram.Locate();       // before anything is made
        Claim(options.Out);
        using var interruption = new Interruption(_ => Console.WriteLine("Stopping: ending everything that was started …"));
        ChaosResult result;
        try
        {
            result = await ChaosRun.RunAsync(options, Console.WriteLine, TimeProvider.System, interruption.Token);
        }
        catch (OperationCanceledException) when (interruption.Token.IsCancellationRequested)
        {
            return CommandLineHost.InterruptedExitCode;
        }
        ResultsFiles.WriteWhole(Path.Combine(options.Out, ChaosMarkdown.FileName), ChaosMarkdown.Of(result));
        ResultsFiles.WriteWhole(Path.Combine(options.Out, ChaosJson.FileName), ChaosJson.Of(result));
        ResultsFiles.WriteWhole(Path.Combine(options.Out, ChaosPage.FileName), ChaosPage.Of(result));
        Console.WriteLine();
        foreach (var check in result.Verdict.Checks) Console.WriteLine($"{(check.Holds ? "yes" : "NO "),-4} {check.Claim}: {check.Detail}");
        Console.WriteLine($"{(result.Verdict.Holds ? "The verdict holds." : "THE VERDICT FAILS.")} Written: {Path.Combine(options.Out, ChaosMarkdown.FileName)}, {ChaosPage.FileName}, {ChaosJson.FileName}");
        return result.Verdict.Holds ? 0 : 1;
    }

    /// <summary>A folder of its own: results of two runs must not mix.</summary>
    private static void Claim(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
            if (Directory.EnumerateFileSystemEntries(folder).Any()) throw new UserErrorException($"--out {folder}: is not empty. Give this run another folder, or delete that one.");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"--out {folder}: cannot be made: {error.Message}", error);
        }
    }

    private static int InRange(string option, int value, int least, int most) =>
        value >= least && value <= most ? value : throw new UserErrorException($"{option}: is {value}, must be {least} to {most}.");
}
