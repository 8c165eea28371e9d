using Spectre.Console;
using Volley.Shared.Results;

namespace Volley.Coordinator.Results;

/// <summary>The leaderboard in a terminal: as many columns as fit, the ones that matter least go first.</summary>
internal static class LeaderboardTable
{
    // Hyperparameters wrap. Columns of small importance give way until they have a line's room, the others until they have a word's.
    private const int ComfortableHyperparameters = 44;
    private const int NarrowestHyperparameters = 18;
    private const int SmallImportance = 5;

    // Border and a space on either side of a cell.
    private const int Padding = 3;

    // A report, not a log: who wants the hundredth opens results.csv.
    private const int RowsShown = 40;

    public static void Print(IAnsiConsole console, Leaderboard board)
    {
        var rows = board.Rows.Take(RowsShown).ToList();
        var columns = Fit(ColumnsOf(board), rows, console.Profile.Width);
        var table = new Table { Border = TableBorder.Rounded };
        foreach (var column in columns)
            table.AddColumn(new TableColumn(new Text(column.Title)) { NoWrap = !column.Wraps, Alignment = column.IsNumber ? Justify.Right : Justify.Left });
        foreach (var row in rows) table.AddRow(columns.Select(column => new Text(column.Text(row), StyleOf(row))));
        console.Write(table);
        if (board.Rows.Count > rows.Count) console.WriteLine($"… and {board.Rows.Count - rows.Count} more in results.csv");
        if (board.Results.Objectives.Count > 1)
            console.WriteLine($"◆ on the Pareto front of {string.Join(", ", board.Results.Objectives.Select(objective => MetricText.Label(objective.Metric)))}");
        if (board.Results.Trials.Any(trial => trial.Config.Train.Dataset.Split == "reference"))
            console.WriteLine("split: reference — trained on the whole training set and ranked on the test set, as the papers do.");
    }

    private static Style StyleOf(LeaderboardRow row) => row switch
    {
        { Trial.State: TrialEndState.Failed } => new Style(Color.Red),
        { Rank: null } => new Style(Color.Grey),
        { Rank: 1 } => new Style(Color.Green, decoration: Decoration.Bold),
        _ => Style.Plain,
    };

    private static List<Column> ColumnsOf(Leaderboard board)
    {
        var objectives = board.Results.Objectives.Select(objective => objective.Metric).ToList();
        var columns = new List<Column>
        {
            new("", 0, row => (row.Rank?.ToString() ?? "–") + (row.IsOnFront ? " ◆" : ""), IsNumber: true),
            new("trial", 1, row => row.Trial.Number.ToString(), IsNumber: true),
            new("model", 0, row => row.Trial.Model),
            new("hyperparameters", 2, row => HyperparametersOf(row.Trial), Wraps: true),
        };
        columns.AddRange(objectives.Select(metric => Metric(metric, 0)));
        foreach (var (metric, weight) in new[]
        {
            ("test_accuracy", 1), ("test_map", 1), ("energy_pj", 3), ("latency_ms_p50", 4), ("parameters", 5), ("macs", 5),
            ("spike_sparsity", 6), ("test_loss", 7), ("train_images_per_second", 8),
        })
            if (!objectives.Contains(metric)) columns.Add(Metric(metric, weight));
        columns.Add(new("time", 6, row => MetricText.Duration(TimeSpan.FromSeconds(row.Trial.DurationSeconds)), IsNumber: true));
        columns.Add(new("state", 2, row => row.Trial.State.ToString().ToLowerInvariant()));

        // What no trial has is no column; a sweep that went well needs no word for it.
        columns.RemoveAll(column => board.Rows.All(row => column.Text(row) is "–" or ""));
        if (board.Rows.All(row => row.Trial.IsFinished)) columns.RemoveAll(column => column.Title == "state");
        return columns;
    }

    public static string HyperparametersOf(TrialResult trial) =>
        string.Join(' ', trial.Hyperparameters.Choices
            .Where(choice => choice.Key != "model" && choice.Key != "model.name")
            .Select(choice => $"{choice.Key[(choice.Key.LastIndexOf('.') + 1)..]}={choice.Value}"));

    private static Column Metric(string metric, int weight) =>
        new(MetricText.Label(metric), weight, row => MetricText.Of(metric, row.Trial.Find(metric)), IsNumber: true);

    private static List<Column> Fit(List<Column> columns, IReadOnlyList<LeaderboardRow> rows, int width)
    {
        Drop(ComfortableHyperparameters, SmallImportance);
        Drop(NarrowestHyperparameters, 1);
        return columns;

        void Drop(int room, int downTo)
        {
            while (Width(columns, rows, room) > width && columns.Max(column => column.Weight) is var least && least >= downTo)
                columns.Remove(columns.Last(column => column.Weight == least));
        }
    }

    private static int Width(List<Column> columns, IReadOnlyList<LeaderboardRow> rows, int hyperparameters) =>
        1 + columns.Sum(column => Padding + (column.Wraps ? Math.Min(hyperparameters, Widest(column, rows)) : Widest(column, rows)));

    private static int Widest(Column column, IReadOnlyList<LeaderboardRow> rows) =>
        Math.Max(column.Title.Length, rows.Select(row => column.Text(row).Length).DefaultIfEmpty(0).Max());

    /// <param name="Weight">0: always shown; the largest is left out first.</param>
    private sealed record Column(string Title, int Weight, Func<LeaderboardRow, string> Text, bool IsNumber = false, bool Wraps = false);
}
