using System.CommandLine;
using Spectre.Console;
using Volley.GpuNode.Checking;
using Volley.Shared;
using static TorchSharp.torch;

namespace Volley.GpuNode.Cli;

/// <summary><c>volley check</c>: the product's networks, neurons, losses, optimizers and schedules against files of reference numbers.</summary>
internal static class CheckCommand
{
    // Enough to find the cause; the rest is a number.
    private const int FailuresShown = 5;

    // A pipe has no width; Spectre would take 80 and break the names of tensors.
    private const int RedirectedWidth = 160;

    public static Command Create()
    {
        var files = new Argument<string[]>("FILE") { Description = "Golden files (safetensors).", Arity = ArgumentArity.OneOrMore };
        var type = new Option<string>("--dtype") { Description = "f64 or f32; without it, both." };
        type.AcceptOnlyFromAmong("f64", "f32");
        var command = new Command("check",
            """
            Compare networks, losses and optimizers with reference numbers.

            Everything a file holds is compared: outputs, losses, gradients, intermediates, spikes, firing rates, optimizer steps,
            schedules. Exit code 0: all inside the tolerances; 1: some are not; 2: a file cannot be read.

            Examples:
              volley check ../shared/golden/*.safetensors
              volley check my-sdt.safetensors --dtype f64
            """) { files, type };
        command.SetAction(parsed => Run(parsed.GetValue(files)!, parsed.GetValue(type)));
        return command;
    }

    private static int Run(string[] paths, string? type)
    {
        ScalarType[] types = type switch { "f64" => [ScalarType.Float64], "f32" => [ScalarType.Float32], _ => [ScalarType.Float64, ScalarType.Float32] };
        foreach (var path in paths.Where(path => !File.Exists(path)))
            throw new UserErrorException($"{path}: there is no such file.");
        if (Console.IsOutputRedirected) AnsiConsole.Profile.Width = RedirectedWidth;
        var reports = new List<CheckReport>();
        foreach (var path in paths)
        {
            foreach (var one in types)
            {
                var report = FileCheck.Run(path, one);
                reports.Add(report);
                Print(report);
            }
        }
        var failed = reports.Count(report => !report.IsPassed);
        Console.WriteLine(failed == 0
            ? $"All {reports.Count} checks passed ({paths.Length} files)."
            : $"{failed} of {reports.Count} checks failed.");
        return failed == 0 ? 0 : 1;
    }

    private static void Print(CheckReport report)
    {
        var table = new Table().Title($"{Markup.Escape(Path.GetFileName(report.Path))} {report.Type}: {(report.IsPassed ? "[green]passed[/]" : "[red]FAILED[/]")}")
            .Border(TableBorder.Simple).AddColumn("group").AddColumn("compared", c => c.RightAligned()).AddColumn("worst error", c => c.RightAligned())
            .AddColumn("allowed", c => c.RightAligned()).AddColumn("in").AddColumn("");
        foreach (var group in report.Groups)
        {
            var isCounted = double.IsNaN(group.WorstError) && group.WorstAllowed == 0;
            table.AddRow(
                Markup.Escape(group.Name), $"{group.Compared}", isCounted ? "-" : $"{group.WorstError:0.0e+00}", isCounted ? "-" : $"{group.WorstAllowed:0.0e+00}",
                Markup.Escape(group.WorstError == 0 || isCounted ? "" : group.WorstTensor), group.IsPassed ? "[green]ok[/]" : $"[red]{group.Failures.Count} failed[/]");
        }
        AnsiConsole.Write(table);
        foreach (var note in report.Notes) Console.WriteLine($"  note: {note}");
        foreach (var group in report.Groups.Where(group => !group.IsPassed))
        {
            foreach (var failure in group.Failures.Take(FailuresShown)) Console.WriteLine($"  {group.Name}: {failure}");
            if (group.Failures.Count > FailuresShown) Console.WriteLine($"  {group.Name}: and {group.Failures.Count - FailuresShown} more");
        }
    }
}
