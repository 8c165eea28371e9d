namespace Volley.Coordinator.Cli;

/// <summary>Rows in columns, as plain text: no wider than the terminal, and as wide as needed where there is none.</summary>
internal sealed class TextTable<T>
{
    private const string Gap = "  ";

    // A cell that is cut says at least this much.
    private const int NarrowestCell = 8;

    private readonly List<Definition> _columns = [];

    /// <param name="weight">0: always shown; the largest is left out first where the terminal is narrow.</param>
    public TextTable<T> Column(string title, Func<T, object?> cell, int weight = 0, bool isNumber = false)
    {
        _columns.Add(new Definition(title, cell, weight, isNumber));
        return this;
    }

    public void Print(TextWriter writer, int? width, IReadOnlyList<T> rows)
    {
        var columns = _columns
            .Select(column => (column.Title, column.Weight, column.IsNumber, Cells: rows.Select(row => $"{column.Cell(row)}".ReplaceLineEndings(" ")).ToList()))
            .Where(column => column.Weight == 0 || column.Cells.Exists(cell => cell.Length > 0))        // what no row has is no column
            .ToList();
        var widths = columns.Select(column => Math.Max(column.Title.Length, column.Cells.Select(cell => cell.Length).DefaultIfEmpty(0).Max())).ToList();
        while (width is { } most && Total(widths) > most)
        {
            var heaviest = columns.Max(column => column.Weight);
            if (heaviest > 0)
            {
                var index = columns.FindLastIndex(column => column.Weight == heaviest);
                columns.RemoveAt(index);
                widths.RemoveAt(index);
                continue;
            }
            var widest = widths.IndexOf(widths.Max());
            var room = Math.Max(NarrowestCell, widths[widest] - (Total(widths) - most));
            if (room >= widths[widest]) break;
            widths[widest] = room;
        }
        writer.WriteLine(Line(columns.Select(column => column.Title)));
        for (var row = 0; row < rows.Count; row++)
        {
            var index = row;
            writer.WriteLine(Line(columns.Select(column => column.Cells[index])));
        }

        string Line(IEnumerable<string> cells) => string.Join(Gap, cells.Select((cell, column) => Padded(cell, widths[column], columns[column].IsNumber))).TrimEnd();
    }

    private static int Total(List<int> widths) => widths.Sum() + (Gap.Length * Math.Max(0, widths.Count - 1));

    private static string Padded(string cell, int width, bool isNumber)
    {
        if (cell.Length > width) cell = cell[..(width - 1)] + "…";
        return isNumber ? cell.PadLeft(width) : cell.PadRight(width);
    }

    private sealed record Definition(string Title, Func<T, object?> Cell, int Weight, bool IsNumber);
}
