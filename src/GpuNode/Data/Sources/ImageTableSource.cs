using Volley.GpuNode.Data.Packed;
using Volley.Shared;
using Volley.Shared.Config;

namespace Volley.GpuNode.Data.Sources;

/// <summary>Images named by a table, with one or several labels each: film posters and their genres.</summary>
/// <remarks>
/// The data has several labels per image as soon as one row has; then a row may also have none. File names may lack their extension.
/// A column <c>split</c> (train, test, val), where there is one, makes the test part. Brackets and quotes around labels
/// (<c>['Drama', 'Comedy']</c>) are dropped. Images that the table does not name are not read.
/// </remarks>
internal sealed class ImageTableSource : IDatasetSource
{
    private const string SplitColumn = "split";

    private static readonly string[] Extensions = ["", ".jpg", ".jpeg", ".png"];

    private readonly CsvTable _table;
    private readonly string _images;
    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);
    private readonly bool _isMultiLabel;

    /// <param name="csv">Absolute path of the table.</param>
    /// <param name="images">Absolute path of the folder or archive that its file names are relative to.</param>
    public ImageTableSource(DatasetSpec dataset, string csv, string images)
    {
        _table = CsvTable.Read(csv);
        _images = images;
        int file = _table.ColumnNumber(dataset.FileColumn, "dataset.file_column"), label = _table.ColumnNumber(dataset.LabelColumn, "dataset.label_column");
        var split = _table.Columns.Contains(SplitColumn, StringComparer.OrdinalIgnoreCase) ? _table.ColumnNumber(SplitColumn, SplitColumn) : -1;
        foreach (var row in _table.Rows) Add(row, row.Cells[file], Labels(row.Cells[label], dataset.LabelSeparator), split < 0 ? "train" : row.Cells[split]);
        _isMultiLabel = _entries.Values.Any(entry => entry.Labels.Length > 1);
        if (!_isMultiLabel && _entries.Values.FirstOrDefault(entry => entry.Labels.Length == 0) is { } bare)
            throw new UserErrorException($"{csv}:{bare.Line}: {bare.File} has no label in column {dataset.LabelColumn}.");
        Classes = [.. _entries.Values.SelectMany(entry => entry.Labels).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        if (Classes.Length < 2) throw new UserErrorException($"{csv}: column {dataset.LabelColumn} has {Classes.Length} different labels; at least 2 are needed.");
        var settings = $"{dataset.FileColumn}|{dataset.LabelColumn}|{dataset.LabelSeparator}\n";
        Identity = settings + FileIdentity.Of(csv) + (Directory.Exists(images) ? FileIdentity.Of(_entries.Values.Select(PathOf).OfType<string>()) + images : FileIdentity.Of(images));
    }

    public string Name => "images-csv";

    public string Identity { get; }

    private string[] Classes { get; }

    public void Prepare(PackedBuilder builder, PrepareSettings settings, IProgress<PrepareProgress>? progress, CancellationToken stop)
    {
        var numbers = Classes.Select((name, number) => (name, number)).ToDictionary(pair => pair.name, pair => pair.number, StringComparer.Ordinal);
        var done = 0;
        ParallelDecode.Run(Images(), image =>
        {
            var decoded = ImageShaper.Shape(ImageDecoder.Decode(image.Content ?? File.ReadAllBytes(PathOf(image.Entry)!), $"{_table.Path}:{image.Entry.Line}: {image.Entry.File}"), settings);
            builder.Add(image.Entry.Part, image.Entry.File, [.. image.Entry.Labels.Select(label => numbers[label])], decoded);
            var count = Interlocked.Increment(ref done);
            if (count % 100 == 0) progress?.Report(new("Decoding images", count, _entries.Count, "images"));
        }, stop);
        var parts = builder.Parts;
        builder.Finish(
            Name, $"images of {Path.GetFileName(_table.Path)}", parts.ContainsKey("test") ? "test" : parts.ContainsKey("val") ? "val" : null,
            Classes, _isMultiLabel, greyToOneChannel: settings.Channels == 0, null, null, stop);
    }

    private IEnumerable<(Entry Entry, byte[]? Content)> Images()
    {
        if (Directory.Exists(_images))
        {
            RequireAll(_entries.Values.Where(entry => PathOf(entry) is null));
            return _entries.Values.Select(entry => (entry, (byte[]?)null));
        }
        return FromArchive();
    }

    private IEnumerable<(Entry Entry, byte[]? Content)> FromArchive()
    {
        var missing = _entries.Values.ToHashSet();
        foreach (var file in ArchiveReader.Read(_images, name => ImageDecoder.IsImageName(name) && Find(name) is not null))
        {
            var entry = Find(file.Name)!;
            if (!missing.Remove(entry)) throw new UserErrorException($"{_images}: holds {entry.File} twice ({file.Name}).");
            yield return (entry, file.Content);
        }
        RequireAll(missing);
    }

    private void RequireAll(IEnumerable<Entry> missing)
    {
        var all = missing.OrderBy(entry => entry.Line).ToList();
        if (all.Count > 0)
            throw new UserErrorException($"{_table.Path}:{all[0].Line}: {all[0].File} is not in {_images} ({all.Count:N0} of {_entries.Count:N0} images are missing; .jpg, .jpeg and .png are tried).");
    }

    /// <summary>The row of an archive's file: by its name, with or without leading folders and extension.</summary>
    private Entry? Find(string name)
    {
        for (var rest = name; ;)
        {
            if (_entries.TryGetValue(rest, out var entry) || _entries.TryGetValue(Path.ChangeExtension(rest, null), out entry)) return entry;
            var slash = rest.IndexOf('/');
            if (slash < 0) return null;
            rest = rest[(slash + 1)..];
        }
    }

    private string? PathOf(Entry entry) =>
        Extensions.Select(extension => Path.Combine(_images, entry.File + extension)).FirstOrDefault(File.Exists);

    private void Add(CsvRow row, string file, string[] labels, string split)
    {
        var where = $"{_table.Path}:{row.Line}";
        var name = file.Replace('\\', '/');
        if (name.Length == 0 || Path.IsPathRooted(name) || name.Split('/').Contains(".."))
            throw new UserErrorException($"{where}: the file name '{file}' is empty, absolute or leads out of the folder ('..').");
        var part = split.ToLowerInvariant() switch
        {
            "train" or "training" => "train",
            "test" or "testing" => "test",
            "val" or "valid" or "validation" => "val",
            _ => throw new UserErrorException($"{where}: split is '{split}', must be train, val or test."),
        };
        if (_entries.TryGetValue(name, out var first)) throw new UserErrorException($"{where}: {name} was named in line {first.Line} already.");
        _entries.Add(name, new Entry(row.Line, name, labels, part));
    }

    private static string[] Labels(string cell, string separator)
    {
        var inner = cell.Trim('[', ']', ' ');
        string[] parts = separator.Length == 0 ? [inner] : inner.Split(separator);
        return [.. parts.Select(label => label.Trim(' ', '\'', '"')).Where(label => label.Length > 0).Distinct(StringComparer.Ordinal)];
    }

    private sealed record Entry(int Line, string File, string[] Labels, string Part);
}
