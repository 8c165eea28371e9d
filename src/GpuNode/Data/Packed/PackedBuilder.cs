using System.Buffers.Binary;
using System.Globalization;
using System.IO.Hashing;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Volley.GpuNode.Data.Sources;
using Volley.Shared;

namespace Volley.GpuNode.Data.Packed;

/// <summary>Collects images in any order, from any thread, and writes the packed file in one order.</summary>
/// <remarks>
/// Archives and parallel decoding deliver images as they come, and only the last one tells how many there are and whether all are
/// grey. So pixels go to a spool file first; <see cref="Finish"/> sorts by (part, name) and copies. A folder and an
/// archive of it give the same bytes.
/// </remarks>
internal sealed class PackedBuilder : IDisposable
{
    private readonly Lock _gate = new();
    private readonly string _target;
    private readonly string _spoolPath;
    private readonly SafeFileHandle _spool;
    private readonly List<Item> _items = [];
    private (int Channels, int Height, int Width) _shape;
    private string _shapeFrom = "";
    private bool _allGrey = true;

    /// <param name="targetPath">Where <see cref="Finish"/> puts the file, atomically. Temporary files lie beside it.</param>
    public PackedBuilder(string targetPath)
    {
        _target = targetPath;
        _spoolPath = targetPath + ".spool.tmp";
        _spool = File.OpenHandle(_spoolPath, FileMode.Create, FileAccess.ReadWrite, FileShare.None);
    }

    private readonly record struct Item(string Part, string Name, int Slot, int[] Labels);

    /// <summary>Images so far in each part.</summary>
    public IReadOnlyDictionary<string, int> Parts => _items.CountBy(item => item.Part).ToDictionary();

    /// <summary>Takes a copy of the pixels.</summary>
    /// <param name="part">Any word; <see cref="Finish"/> is told which words mean the test part.</param>
    /// <param name="name">Unique inside its part; decides the order.</param>
    /// <param name="labels">One class, or the classes of an image with several (possibly none).</param>
    public void Add(string part, string name, int[] labels, DecodedImage image)
    {
        int slot;
        lock (_gate)
        {
            var shape = (image.Channels, image.Height, image.Width);
            if (_items.Count == 0) (_shape, _shapeFrom) = (shape, name);
            else if (shape != _shape)
                throw new UserErrorException($"{name}: has {Show(shape)} pixels, {_shapeFrom} has {Show(_shape)}. Images of different sizes need one size: set dataset.image_size (or --image-size).");
            slot = _items.Count;
            _items.Add(new Item(part, name, slot, labels));
            _allGrey &= image.IsGrey;
        }
        RandomAccess.Write(_spool, image.Pixels, (long)slot * image.Pixels.Length);
    }

    /// <summary>Writes the packed file: temporary file, fsync, rename.</summary>
    /// <param name="testPart">The part that is the test part; all others are training images. Null: there is none.</param>
    /// <param name="greyToOneChannel">If every image was grey, keep one channel.</param>
    /// <param name="classOfLabel">Class number of each label as given to <see cref="Add"/>; null: they are class numbers.</param>
    /// <param name="normalisation">Known mean and standard deviation per channel; null: computed from the training images.</param>
    public void Finish(
        string name, string source, string? testPart, IReadOnlyList<string> classNames, bool multiLabel, bool greyToOneChannel, int[]? classOfLabel,
        (double[] Mean, double[] Std)? normalisation, CancellationToken stop)
    {
        bool IsTest(Item item) => item.Part == testPart;
        _items.Sort((a, b) => IsTest(a) != IsTest(b) ? IsTest(a).CompareTo(IsTest(b))
            : string.CompareOrdinal(a.Part, b.Part) is var byPart and not 0 ? byPart : string.CompareOrdinal(a.Name, b.Name));
        RefuseDuplicates();
        var channels = _shape.Channels == 3 && greyToOneChannel && _allGrey ? 1 : _shape.Channels;
        var header = new PackedHeader
        {
            Name = name,
            Source = source,
            Channels = channels,
            Height = _shape.Height,
            Width = _shape.Width,
            ClassNames = classNames,
            MultiLabel = multiLabel,
            TrainImages = _items.Count(item => !IsTest(item)),
            TestImages = _items.Count(IsTest),
            // Known after the first pass over the pixels.
            Mean = [],
            Std = [],
            ContentSha256 = "",
            PayloadXxHash3 = "",
        };
        var labels = LabelBytes(header, classOfLabel);
        if (header.TrainImages == 0) throw new UserErrorException($"{source}: has no training images.");
        var temporary = _target + ".tmp";
        // Two passes: what the header says (sums, hashes) is known only after every pixel was seen; the spool is in the page cache.
        var (contentHash, payloadHash, statistics) = Measure(header, labels, stop);
        var (mean, std) = normalisation is { } known && known.Mean.Length == channels ? known : statistics.MeanAndStd();
        header = header with { Mean = mean, Std = std, ContentSha256 = contentHash, PayloadXxHash3 = payloadHash };
        using (var file = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 20))
        {
            WriteHeader(file, header);
            file.Write(labels);
            foreach (var pixels in PixelsInOrder(header, stop)) file.Write(pixels.Span);
            file.Flush(flushToDisk: true);
        }
        File.Move(temporary, _target, overwrite: true);
    }

    public void Dispose()
    {
        _spool.Dispose();
        File.Delete(_spoolPath);
        File.Delete(_target + ".tmp");
    }

    private static void WriteHeader(FileStream file, PackedHeader header)
    {
        var json = header.ToJson();
        var start = new byte[PackedFile.PrefixBytes + json.Length];
        PackedFile.Magic.CopyTo(start);
        BinaryPrimitives.WriteInt32LittleEndian(start.AsSpan(8), PackedFile.Version);
        BinaryPrimitives.WriteInt32LittleEndian(start.AsSpan(12), json.Length);
        json.CopyTo(start.AsSpan(PackedFile.PrefixBytes));
        Span<byte> checksum = stackalloc byte[PackedFile.ChecksumBytes];
        BinaryPrimitives.WriteUInt64LittleEndian(checksum, XxHash3.HashToUInt64(start));
        file.Write(start);
        file.Write(checksum);
        var end = start.Length + checksum.Length;
        file.Write(new byte[PackedFile.AlignUp(end) - end]);
    }

    private (string Content, string Payload, ChannelStatistics Statistics) Measure(PackedHeader header, byte[] labels, CancellationToken stop)
    {
        using var sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        sha.AppendData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture,
            $"{header.Channels} {header.Height} {header.Width} {header.MultiLabel} {header.TrainImages} {header.TestImages}\n{string.Join('\n', header.ClassNames)}\n")));
        sha.AppendData(labels);
        var xxHash = new XxHash3();
        xxHash.Append(labels);
        var statistics = new ChannelStatistics(header.Channels, header.Height * header.Width);
        var image = 0;
        foreach (var pixels in PixelsInOrder(header, stop))
        {
            sha.AppendData(pixels.Span);
            xxHash.Append(pixels.Span);
            if (image++ < header.TrainImages) statistics.Add(pixels.Span);
        }
        return (Convert.ToHexStringLower(sha.GetHashAndReset()), xxHash.GetCurrentHashAsUInt64().ToString("x16", CultureInfo.InvariantCulture), statistics);
    }

    private IEnumerable<ReadOnlyMemory<byte>> PixelsInOrder(PackedHeader header, CancellationToken stop)
    {
        var spooled = _shape.Channels * _shape.Height * _shape.Width;
        var buffer = new byte[spooled];
        foreach (var item in _items)
        {
            stop.ThrowIfCancellationRequested();
            var at = (long)item.Slot * spooled;
            var read = RandomAccess.Read(_spool, buffer, at);
            if (read != spooled) throw new InvalidOperationException($"The spool file of {_target} gave {read} of {spooled} bytes at {at}.");
            yield return buffer.AsMemory(0, header.ImageBytes);
        }
    }

    private byte[] LabelBytes(PackedHeader header, int[]? classOfLabel)
    {
        var bytes = new byte[(long)header.Images * header.LabelBytes];
        for (var image = 0; image < _items.Count; image++)
        {
            var row = bytes.AsSpan(image * header.LabelBytes, header.LabelBytes);
            foreach (var label in _items[image].Labels)
            {
                var number = classOfLabel is null ? label : classOfLabel[label];
                if ((uint)number >= (uint)header.ClassNames.Count)
                    throw new InvalidOperationException($"{_items[image].Name} has label {number} of {header.ClassNames.Count} classes.");
                if (header.MultiLabel) row[number] = 1;
                else BinaryPrimitives.WriteInt32LittleEndian(row, number);
            }
        }
        return bytes;
    }

    private void RefuseDuplicates()
    {
        for (var i = 1; i < _items.Count; i++)
            if (_items[i].Name == _items[i - 1].Name && _items[i].Part == _items[i - 1].Part)
                throw new UserErrorException($"{_items[i].Name}: is there twice; each image may be there once.");
    }

    private static string Show((int Channels, int Height, int Width) shape) => $"{shape.Channels}×{shape.Height}×{shape.Width}";
}
