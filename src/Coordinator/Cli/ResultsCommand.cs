using System.CommandLine;
using Spectre.Console;
using Volley.Coordinator.Report;
using Volley.Coordinator.Results;
using Volley.Shared.Results;

namespace Volley.Coordinator.Cli;

/// <summary><c>volley results</c>: shows what a run came to, and says where two runs differ.</summary>
internal static class ResultsCommand
{
    // Enough to see the pattern; --all shows the rest.
    private const int DifferencesShown = 40;

    // A hash with its quotes: two of them are told apart, and what is longer is a whole section that only one side has.
    private const int ValueShown = 66;

    // A pipe has no width; Spectre would take 80 and break hashes.
    private const int RedirectedWidth = 200;

    public static Command Create() => new("results",
        """
        Show the results of a run, or say where two runs differ.

        Examples:
          volley results show out/my-sweep
          volley results diff out/first out/second
          volley results report out/my-sweep
        """) { Show(), Diff(), Report() };

    private static Command Show()
    {
        var path = ResultsArgument("RESULTS");
        var command = new Command("show",
            """
            Print the leaderboard of a finished or stopped run.

            Example:
              volley results show out/my-sweep
            """) { path };
        command.SetAction(parsed =>
        {
            var results = Read(parsed.GetValue(path)!);
            var console = Console();
            console.WriteLine($"{results.Name}: {results.Trials.Count} trials, {results.SearchAlgorithm} search, seed {results.Seed}");
            LeaderboardTable.Print(console, Leaderboard.Of(results));
            console.WriteLine($"results_digest {results.ResultsDigest}");
            return 0;
        });
        return command;
    }

    private static Command Diff()
    {
        var (a, b) = (ResultsArgument("A"), ResultsArgument("B"));
        var all = new Option<bool>("--all") { Description = $"Every difference, not the first {DifferencesShown}." };
        var command = new Command("diff",
            """
            Say where two runs differ in what their results_digest covers: configuration, metrics, learning curves, weights.
            Times, machines and attempts are left out.

            Exit code 0: the same; 1: they differ; 2: a file cannot be read.

            Example:
              volley results diff out/first out/second
            """) { a, b, all };
        command.SetAction(parsed => Diff(Read(parsed.GetValue(a)!), Read(parsed.GetValue(b)!), parsed.GetValue(all)));
        return command;
    }

    private static Command Report()
    {
        var path = ResultsArgument("RESULTS");
        var command = new Command("report",
            """
            Write report.html again from results.json, beside it.

            Example:
              volley results report out/my-sweep
            """) { path };
        command.SetAction(parsed =>
        {
            var given = parsed.GetValue(path)!;
            var results = Read(given);
            var target = Path.Combine(Directory.Exists(given) ? given : Path.GetDirectoryName(Path.GetFullPath(given))!, HtmlReport.FileName);
            HtmlReport.Write(target, results);
            System.Console.WriteLine(target);
            return 0;
        });
        return command;
    }

    private static int Diff(SweepResults a, SweepResults b, bool showsAll)
    {
        var differences = ResultsDiff.Of(a, b);
        if (differences.Count == 0)
        {
            System.Console.WriteLine($"The same: {a.Trials.Count} trials, results_digest {ResultsDigest.Of(a)}");
            return 0;
        }
        var console = Console();
        var table = new Table { Border = TableBorder.Rounded }.AddColumns("trial", "key", "A", "B");
        foreach (var difference in showsAll ? differences : differences.Take(DifferencesShown))
            table.AddRow(new Text(difference.Trial.ToString()), new Text(difference.Key.Length == 0 ? "(the trial)" : difference.Key), new Text(Short(difference.A)), new Text(Short(difference.B)));
        console.Write(table);
        var trials = differences.Select(difference => difference.Trial).Distinct().Count();
        console.WriteLine($"{differences.Count} differences in {trials} of {Math.Max(a.Trials.Count, b.Trials.Count)} trials"
            + (showsAll || differences.Count <= DifferencesShown ? "." : $"; the first {DifferencesShown} are shown, --all shows every one."));
        foreach (var note in Explanations(a, b)) console.WriteLine(note);
        return 1;
    }

    private static string Short(string value) => value.Length <= ValueShown ? value : value[..(ValueShown - 1)] + "…";

    /// <summary>Bit-equality is claimed for one numerics fingerprint: two are an explanation, not a difference.</summary>
    private static IEnumerable<string> Explanations(SweepResults a, SweepResults b)
    {
        var (left, right) = (Fingerprints(a), Fingerprints(b));
        if (!left.SetEquals(right)) yield return $"The numerics fingerprints differ ({string.Join("; ", left)} / {string.Join("; ", right)}): other last bits are expected.";
        if (a.Seed != b.Seed) yield return $"The sweeps' seeds differ: {a.Seed} / {b.Seed}.";
    }

    private static HashSet<string> Fingerprints(SweepResults results) =>
        [.. results.Trials.Select(trial => trial.NumericsFingerprint).Where(fingerprint => fingerprint.Length > 0)];

    private static SweepResults Read(string path)
    {
        var results = ResultsFiles.Read(path);
        if (results.ResultsDigest.Length > 0 && results.ResultsDigest != ResultsDigest.Of(results))
            System.Console.Error.WriteLine($"{path}: its results_digest is not that of its content; it was edited, or written by another version.");
        return results;
    }

    private static IAnsiConsole Console()
    {
        if (System.Console.IsOutputRedirected) AnsiConsole.Profile.Width = RedirectedWidth;
        return AnsiConsole.Console;
    }

    private static Argument<string> ResultsArgument(string name) => new(name) { Description = "A run's --out directory, or its results.json." };
}
