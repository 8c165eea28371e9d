using Volley.GpuNode.Data.Packed;
using Volley.Shared;
using Part = Volley.GpuNode.Data.Sources.ImageLayout.Part;

namespace Volley.GpuNode.Data.Sources;

/// <summary>One folder per class, JPEG or PNG, under <c>train/</c> and <c>test/</c> or <c>val/</c>; as a folder or as an archive.</summary>
/// <remarks>
/// Without <c>test/</c>, <c>val/</c> is the test part; with both, <c>val/</c> joins the training images, from which a
/// validation part is drawn. Without any parts all images are training images.
/// </remarks>
internal sealed class ImageFolderSource : IDatasetSource
{
    private readonly string _path;
    private readonly KnownImages? _known;
    private readonly List<string>? _files;

    /// <param name="path">An existing folder or archive.</param>
    /// <param name="known">The well-known set that these images must be; null: any classes.</param>
    public ImageFolderSource(string path, KnownImages? known = null)
    {
        _path = path;
        _known = known;
        if (Directory.Exists(path))
        {
            _files = [.. Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories).Where(ImageDecoder.IsImageName)];
            Identity = FileIdentity.Of(_files);
        }
        else
        {
            Identity = FileIdentity.Of(path);
        }
    }

    public string Name => _known?.Name ?? "images";

    public string Identity { get; }

    public void Prepare(PackedBuilder builder, PrepareSettings settings, IProgress<PrepareProgress>? progress, CancellationToken stop)
    {
        var classes = new Interner();
        var done = 0;
        ParallelDecode.Run(Images(), image =>
        {
            var (part, className, name) = ImageLayout.Parse(image.Name, _path);
            var content = image.Content ?? File.ReadAllBytes(Path.Combine(_path, image.Name));
            var decoded = ImageShaper.Shape(ImageDecoder.Decode(content, $"{_path}: {image.Name}"), settings);
            builder.Add(part.ToString(), name, [classes.NumberOf(className)], decoded);
            var count = Interlocked.Increment(ref done);
            if (count % 500 == 0) progress?.Report(new("Decoding images", count, _files?.Count ?? 0, "images"));
        }, stop);

        if (done == 0) throw new UserErrorException($"{_path}: holds no JPEG or PNG image; expected train/CLASS/FILE and test/CLASS/FILE (or val/), or CLASS/FILE.");
        var parts = builder.Parts;
        if (parts.ContainsKey(nameof(Part.None)) && parts.Count > 1)
            throw new UserErrorException($"{_path}: {parts[nameof(Part.None)]:N0} images lie beside train/, val/ or test/. Put every image into one of them, or all into class folders without them.");
        var testPart = parts.ContainsKey(nameof(Part.Test)) ? nameof(Part.Test) : parts.ContainsKey(nameof(Part.Val)) ? nameof(Part.Val) : null;
        var (names, order) = ClassOrder(classes.Names);
        var test = testPart is null ? 0 : parts[testPart];
        builder.Finish(
            Name, Describe(done - test, test, parts, testPart), testPart, names, multiLabel: false, greyToOneChannel: settings.Channels == 0, order,
            _known is null ? null : (_known.Mean, _known.Std), stop);
    }

    private string Describe(int train, int test, IReadOnlyDictionary<string, int> parts, string? testPart)
    {
        if (_known is not null) return _known.Describe(" (JPEG copy)", train, test);
        var folder = Path.GetFileName(Path.TrimEndingDirectorySeparator(_path));
        var joined = testPart == nameof(Part.Test) && parts.ContainsKey(nameof(Part.Val)) ? ", its val/ among the training images" : "";
        return $"images of {folder}{joined}";
    }

    /// <summary>Class names in alphabetical (ordinal) order, and the class number of each interned name.</summary>
    private (IReadOnlyList<string> Names, int[] Order) ClassOrder(IReadOnlyList<string> found)
    {
        string[] sorted = [.. found.Order(StringComparer.Ordinal)];
        if (_known is not null && !sorted.SequenceEqual(_known.ClassNames))
            throw new UserErrorException(
                $"{_path}: is not {_known.Title}: its class folders are {Listing(sorted)}, expected {Listing(_known.ClassNames)}. Use dataset.name: images for your own classes.");
        if (sorted.Length < 2)
            throw new UserErrorException($"{_path}: has one class ({Listing(sorted)}); at least 2 class folders are needed.");
        return (sorted, [.. found.Select(name => Array.IndexOf(sorted, name))]);
    }

    private static string Listing(IReadOnlyList<string> names) =>
        names.Count <= 12 ? string.Join(", ", names) : $"{string.Join(", ", names.Take(10))}, … ({names.Count})";

    private IEnumerable<(string Name, byte[]? Content)> Images() =>
        _files is not null
            ? _files.Select(file => (Path.GetRelativePath(_path, file), (byte[]?)null))
            : ArchiveReader.Read(_path, ImageDecoder.IsImageName).Select(entry => (entry.Name, (byte[]?)entry.Content));

    /// <summary>Numbers names in the order in which they are first seen. Thread-safe.</summary>
    private sealed class Interner
    {
        private readonly Lock _gate = new();
        private readonly Dictionary<string, int> _numbers = new(StringComparer.Ordinal);
        private readonly List<string> _names = [];

        public IReadOnlyList<string> Names => _names;

        public int NumberOf(string name)
        {
            lock (_gate)
            {
                if (_numbers.TryGetValue(name, out var number)) return number;
                _names.Add(name);
                return _numbers[name] = _names.Count - 1;
            }
        }
    }
}
