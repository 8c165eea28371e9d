using System.Text;
using Volley.Shared;

namespace Volley.GpuNode.Data.Sources;

/// <summary>A table in CSV (RFC 4180: quotes, doubled quotes, line breaks inside quotes) or, named .tsv, with tabs. The first row names the columns.</summary>
internal sealed class CsvTable
{
    // Ten million rows of a name and some labels; the table is held in memory.
    private const long LargestFile = 512L << 20;

    // A row this long means that a quote was never closed.
    private const int LongestCell = 1 << 20;

    private CsvTable(string path, IReadOnlyList<string> columns, IReadOnlyList<CsvRow> rows) => (Path, Columns, Rows) = (path, columns, rows);

    public string Path { get; }
    public IReadOnlyList<string> Columns { get; }
    public IReadOnlyList<CsvRow> Rows { get; }

    public static CsvTable Read(string path)
    {
        if (!File.Exists(path)) throw new UserErrorException($"{path}: there is no such file.");
        if (new FileInfo(path).Length is > LargestFile and var length)
            throw new UserErrorException($"{path}: has {length:N0} bytes; a table of at most {LargestFile:N0} bytes is read.");
        using var reader = new StreamReader(path, new UTF8Encoding(false, throwOnInvalidBytes: true));
        var rows = new List<CsvRow>();
        try
        {
            rows.AddRange(ReadRows(reader, path, path.EndsWith(".tsv", StringComparison.OrdinalIgnoreCase) ? '\t' : ','));
        }
        catch (DecoderFallbackException bad)
        {
            throw new UserErrorException($"{path}: is not UTF-8 text. Save the table as UTF-8.", bad);
        }
        if (rows.Count < 2) throw new UserErrorException($"{path}: has {rows.Count} rows; a first row of column names and one row per image are needed.");
        var columns = rows[0].Cells;
        foreach (var row in rows)
            if (row.Cells.Count != columns.Count)
                throw new UserErrorException($"{path}:{row.Line}: has {row.Cells.Count} cells, the first row has {columns.Count}.");
        rows.RemoveAt(0);
        return new(path, columns, rows);
    }

    /// <param name="key">The setting that named the column, for the message.</param>
    public int ColumnNumber(string name, string key)
    {
        for (var i = 0; i < Columns.Count; i++)
            if (string.Equals(Columns[i], name, StringComparison.OrdinalIgnoreCase)) return i;
        throw new UserErrorException($"{Path}: has no column '{name}' ({key}); its columns are {string.Join(", ", Columns)}.");
    }

    private static IEnumerable<CsvRow> ReadRows(StreamReader reader, string path, char separator)
    {
        var cells = new List<string>();
        var cell = new StringBuilder();
        int line = 1, firstLine = 1;
        bool isQuoted = false, wasQuoted = false;
        while (reader.Read() is var read and >= 0)
        {
            var character = (char)read;
            if (character == '\n') line++;
            if (isQuoted)
            {
                if (character != '"') cell.Append(character);
                else if (reader.Peek() == '"') cell.Append((char)reader.Read());
                else isQuoted = false;
                if (cell.Length > LongestCell) throw new UserErrorException($"{path}:{firstLine}: a quoted cell has more than {LongestCell:N0} characters; is a closing quote missing?");
            }
            else if (character == '"' && cell.Length == 0 && !wasQuoted) isQuoted = wasQuoted = true;
            else if (character == separator) EndCell();
            else if (character == '\n')
            {
                EndCell();
                if (cells.Count > 1 || cells[0].Length > 0) yield return new(firstLine, [.. cells]);
                cells.Clear();
                firstLine = line;
            }
            else cell.Append(character);
        }
        if (isQuoted) throw new UserErrorException($"{path}:{firstLine}: a quote is not closed.");
        EndCell();
        if (cells.Count > 1 || cells[0].Length > 0) yield return new(firstLine, [.. cells]);

        void EndCell()
        {
            cells.Add(cell.ToString().TrimEnd('\r').Trim());
            cell.Clear();
            wasQuoted = false;
        }
    }
}

/// <param name="Line">In the file, from 1.</param>
internal sealed record CsvRow(int Line, IReadOnlyList<string> Cells);
