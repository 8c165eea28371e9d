using Volley.GpuNode.Data.Packed;
using Volley.Shared;

namespace Volley.GpuNode.Data.Sources;

/// <summary>CIFAR-10 or CIFAR-100 from the binary release: records of label and red, green, blue planes.</summary>
internal sealed class CifarBinarySource : IDatasetSource
{
    private readonly CifarRelease _release;
    private readonly Func<IProgress<PrepareProgress>?, CancellationToken, string> _location;

    /// <param name="path">The folder with the files, or the archive.</param>
    public CifarBinarySource(CifarRelease release, string path)
    {
        _release = release;
        _location = (_, _) => path;
        Identity = FileIdentity.Of(Directory.Exists(path) ? release.Files.Select(file => Path.Combine(path, file.Name)).Where(File.Exists) : [path]);
    }

    /// <summary>The archive in the download folder; fetched when it is needed and not there.</summary>
    public CifarBinarySource(CifarRelease release, ReleaseDownload download)
    {
        _release = release;
        _location = download.Get;
        Identity = $"download {release.Md5}";
    }

    public string Name => _release.Known.Name;

    public string Identity { get; }

    public void Prepare(PackedBuilder builder, PrepareSettings settings, IProgress<PrepareProgress>? progress, CancellationToken stop)
    {
        var path = _location(progress, stop);
        var missing = _release.Files.ToDictionary(file => file.Name);
        var total = _release.Files.Sum(file => file.Records);
        foreach (var (name, content) in Contents(path))
        {
            stop.ThrowIfCancellationRequested();
            if (!missing.Remove(Path.GetFileName(name), out var file)) continue;
            AddRecords(builder, file, content, $"{path}: {name}", settings);
            progress?.Report(new("Reading images", total - missing.Values.Sum(left => left.Records), total, "images"));
        }
        if (missing.Count > 0)
            throw new UserErrorException($"{path}: lacks {string.Join(", ", missing.Keys.Order(StringComparer.Ordinal))} of {_release.Known.Title}. Get {_release.ArchiveName} again, from {_release.Archive}.");
        var known = _release.Known;
        builder.Finish(
            Name, known.Describe("", builder.Parts["train"], builder.Parts["test"]), "test", known.ClassNames, multiLabel: false,
            greyToOneChannel: false, null, (known.Mean, known.Std), stop);
    }

    private IEnumerable<(string Name, byte[] Content)> Contents(string path) =>
        Directory.Exists(path)
            ? _release.Files.Where(file => File.Exists(Path.Combine(path, file.Name))).Select(file => (file.Name, File.ReadAllBytes(Path.Combine(path, file.Name))))
            : ArchiveReader.Read(path, name => name.EndsWith(".bin", StringComparison.Ordinal)).Select(entry => (entry.Name, entry.Content));

    private void AddRecords(PackedBuilder builder, CifarFile file, byte[] content, string where, PrepareSettings settings)
    {
        var record = _release.RecordBytes;
        if (content.Length != (long)file.Records * record)
            throw new UserErrorException($"{where}: has {content.Length:N0} bytes, {file.Records:N0} records of {record:N0} bytes make {(long)file.Records * record:N0}. It is cut off or not the binary version: get {_release.ArchiveName} again, from {_release.Archive}.");
        for (var number = 0; number < file.Records; number++)
        {
            var at = number * record;
            var label = content[at + _release.LabelBytes - 1];
            if (label >= _release.Known.ClassNames.Count)
                throw new UserErrorException($"{where}: record {number:N0} has label {label}; {_release.Known.Title} has labels 0 to {_release.Known.ClassNames.Count - 1}. The file is damaged.");
            var pixels = content.AsSpan(at + _release.LabelBytes, CifarRelease.PixelBytes).ToArray();
            builder.Add(file.Part, $"{file.Name}/{number:D9}", [label], ImageShaper.Shape(DecodedImage.Rgb(CifarRelease.Edge, CifarRelease.Edge, pixels), settings));
        }
    }
}
