using Spectre.Console;
using Volley.Coordinator.Results;
using Volley.Shared.Config;
using Volley.Shared.Results;

namespace Volley.Coordinator.Tests.Results;

public sealed class LeaderboardTests
{
    [Theory]
    [InlineData("maximize", new[] { 2, 0, 3, 1 })]
    [InlineData("minimize", new[] { 0, 3, 2, 1 })]
    public void Rows_FollowTheGoal_TiesByNumber_WithoutValueLast(string goal, int[] expected)
    {
        var board = Leaderboard.Of(Results(goal, (0, 0.5), (1, double.NaN), (2, 0.7), (3, 0.5)));

        Assert.Equal(expected, board.Rows.Select(row => row.Trial.Number));
        Assert.Equal([1, 2, 3, null], board.Rows.Select(row => row.Rank));
    }

    [Fact]
    public void Best_IsNone_WhenNothingFinished()
    {
        var results = Results("maximize", (0, 0.5));
        Assert.Null(Leaderboard.Of(results with { Trials = [results.Trials[0] with { State = TrialEndState.Failed }] }).Best);
    }

    [Fact]
    public void Front_KeepsWhatNothingBeatsInEveryObjective()
    {
        var results = Results("maximize", (0, 0.5), (1, 0.7), (2, 0.7), (3, 0.4));
        double[] energies = [10, 20, 30, 10];
        var both = results with
        {
            Objectives = [new() { Metric = "val_accuracy" }, new() { Metric = "energy_pj" }],
            Trials = [.. results.Trials.Select(trial => trial with { Metrics = trial.Metrics.Add("energy_pj", energies[trial.Number]) })],
        };

        Assert.Equal([1, 0], Leaderboard.Of(both).Rows.Where(row => row.IsOnFront).Select(row => row.Trial.Number));
    }

    [Fact]
    public void Find_ReadsTheTestPart_UnderTheReferenceSplit()
    {
        var trial = Results("maximize", (0, 0.5)).Trials[0];
        var reference = trial with
        {
            Metrics = trial.Metrics.Clear().Add("test_accuracy", 0.9),
            Config = trial.Config with { Train = trial.Config.Train with { Dataset = trial.Config.Train.Dataset with { Split = "reference" } } },
        };

        Assert.Equal(0.9, reference.Find("val_accuracy"));
        Assert.Null((reference with { Config = trial.Config }).Find("val_accuracy"));
    }

    [Theory]
    [InlineData(60)]
    [InlineData(80)]
    [InlineData(100)]
    [InlineData(140)]
    [InlineData(220)]
    public void Table_FitsTheWidth_AndAlwaysShowsModelAndObjective(int width)
    {
        var text = Print(SampleResults.Of(), width);

        Assert.All(text.Split('\n'), line => Assert.True(line.TrimEnd().Length <= width, line));
        Assert.Contains("resnet18", text, StringComparison.Ordinal);
        Assert.Contains("val accuracy", text.ReplaceLineEndings(" "), StringComparison.Ordinal);
    }

    [Fact]
    public void Table_ShowsMore_WhereThereIsRoom()
    {
        Assert.DoesNotContain("energy", Print(SampleResults.Of(), 60), StringComparison.Ordinal);
        Assert.Contains("energy", Print(SampleResults.Of(), 200), StringComparison.Ordinal);
        Assert.Contains("latency p50", Print(SampleResults.Of(), 200), StringComparison.Ordinal);
    }

    [Fact]
    public void Table_TakesMarkupAsText()
    {
        var results = SampleResults.Of();
        Assert.Contains("[red]x[/]", Print(results with { Trials = [.. results.Trials.Select(trial => trial with { Model = "[red]x[/]" })] }, 160), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("val_accuracy", 0.83412, "83.41 %")]
    [InlineData("energy_pj", 1.4234e9, "1.42 mJ")]
    [InlineData("energy_pj", 27.1e6, "27.1 µJ")]
    [InlineData("energy_pj", 512.0, "512 pJ")]
    [InlineData("macs", 309166080.0, "309 M")]
    [InlineData("parameters", 2567082.0, "2.57 M")]
    [InlineData("parameters", 999999.0, "1.00 M")]
    [InlineData("best_epoch", 7.0, "7")]
    [InlineData("latency_ms_p50", 12.345, "12.3 ms")]
    [InlineData("val_loss", 0.45678, "0.4568")]
    [InlineData("train_seconds", 125.0, "2 min 05 s")]
    [InlineData("train_seconds", 3725.0, "1 h 02 min")]
    [InlineData("val_loss", double.NaN, "NaN")]
    [InlineData("val_loss", null, "–")]
    public void MetricText_HasUnitsAndFewDigits(string metric, double? value, string expected) => Assert.Equal(expected, MetricText.Of(metric, value));

    private static string Print(SweepResults results, int width)
    {
        var text = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.No, Out = new AnsiConsoleOutput(text) });
        console.Profile.Width = width;
        LeaderboardTable.Print(console, Leaderboard.Of(results));
        return text.ToString();
    }

    private static SweepResults Results(string goal, params (int Number, double Value)[] trials)
    {
        var sample = SampleResults.Of();
        return sample with
        {
            Objectives = [new ObjectiveSpec { Goal = goal }],
            Trials = [.. trials.Select(trial => sample.Trials[trial.Number] with { Metrics = sample.Trials[trial.Number].Metrics.Clear().Add("val_accuracy", trial.Value) })],
        };
    }
}
