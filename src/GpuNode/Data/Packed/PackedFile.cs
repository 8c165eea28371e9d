using System.Buffers.Binary;
using System.Globalization;
using System.IO.Hashing;
using System.IO.MemoryMappedFiles;
using System.Text.Json;
using Volley.Shared;

namespace Volley.GpuNode.Data.Packed;

/// <summary>A packed data set, mapped into memory and verified. Several threads may read it.</summary>
internal sealed unsafe class PackedFile : IDisposable
{
    // 8 bytes of magic, 4 of version, 4 of the JSON's length, the JSON, 8 of XxHash3 over all that; then the payload, at the next
    // multiple of PayloadAlignment: labels of every image, then pixels of every image. All little-endian.
    public static ReadOnlySpan<byte> Magic => "VOLLEYDS"u8;
    public const int Version = 1;
    public const int PrefixBytes = 16;
    public const int ChecksumBytes = 8;
    public const int PayloadAlignment = 4096;

    // A header has a few lines and the class names; more than this is not ours.
    private const int LargestHeader = 64 << 20;

    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly byte* _start;
    private readonly byte* _labels;
    private readonly byte* _pixels;

    private PackedFile(string path, PackedHeader header, MemoryMappedFile file, MemoryMappedViewAccessor view, byte* start, long payload)
    {
        Path = path;
        Header = header;
        (_file, _view) = (file, view);
        _start = start;
        _labels = _start + payload;
        _pixels = _labels + (long)header.Images * header.LabelBytes;
    }

    public string Path { get; }
    public PackedHeader Header { get; }

    /// <returns>Pixels of one image, [C, H, W], 0..255.</returns>
    public ReadOnlySpan<byte> Pixels(int image) => new(_pixels + (long)Checked(image) * Header.ImageBytes, Header.ImageBytes);

    /// <summary>The class of an image with one label.</summary>
    public int Label(int image) => Header.MultiLabel
        ? throw new InvalidOperationException("This data set has several labels per image.")
        : BinaryPrimitives.ReadInt32LittleEndian(new ReadOnlySpan<byte>(_labels + (long)Checked(image) * sizeof(int), sizeof(int)));

    /// <summary>0 or 1 per class, of an image with several labels.</summary>
    public ReadOnlySpan<byte> LabelRow(int image) => Header.MultiLabel
        ? new(_labels + (long)Checked(image) * Header.LabelBytes, Header.LabelBytes)
        : throw new InvalidOperationException("This data set has one label per image.");

    public static bool LooksLikeOne(string path)
    {
        using var file = File.OpenRead(path);
        Span<byte> start = stackalloc byte[8];
        return file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false) == start.Length && start.SequenceEqual(Magic);
    }

    /// <exception cref="UserErrorException">Missing, of another kind or version, cut off, or damaged.</exception>
    public static PackedFile Open(string path)
    {
        var (header, payload) = ReadHeader(path);
        var file = MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, 0, MemoryMappedFileAccess.Read);
        try
        {
            var view = file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
            byte* start = null;
            view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
            var packed = new PackedFile(path, header, file, view, start, payload);
            packed.Verify(payload);
            return packed;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Reads and checks what stands before the pixels, and the length of the file; not the pixels.</summary>
    public static (PackedHeader Header, long PayloadOffset) ReadHeader(string path)
    {
        if (!File.Exists(path))
            throw new UserErrorException($"{path}: there is no such file. `volley dataset prepare` makes one.");
        using var file = File.OpenRead(path);
        var prefix = new byte[PrefixBytes];
        if (file.ReadAtLeast(prefix, PrefixBytes, throwOnEndOfStream: false) < PrefixBytes || !prefix.AsSpan(0, 8).SequenceEqual(Magic))
            throw new UserErrorException($"{path}: is not a packed data set (it does not begin with {System.Text.Encoding.ASCII.GetString(Magic)}). `volley dataset prepare` makes one.");
        var version = BinaryPrimitives.ReadInt32LittleEndian(prefix.AsSpan(8));
        if (version != Version)
            throw new UserErrorException($"{path}: is a packed data set of format {version}, this program reads format {Version}. Prepare it again with `volley dataset prepare`.");
        var jsonLength = BinaryPrimitives.ReadInt32LittleEndian(prefix.AsSpan(12));
        if (jsonLength is <= 0 or > LargestHeader || file.Length < PrefixBytes + (long)jsonLength + ChecksumBytes)
            throw Damaged(path, $"its header of {jsonLength} bytes does not fit into {file.Length} bytes");
        var rest = new byte[jsonLength + ChecksumBytes];
        file.ReadExactly(rest);
        var hash = new XxHash3();
        hash.Append(prefix);
        hash.Append(rest.AsSpan(0, jsonLength));
        if (hash.GetCurrentHashAsUInt64() != BinaryPrimitives.ReadUInt64LittleEndian(rest.AsSpan(jsonLength)))
            throw Damaged(path, "the checksum of its header is wrong");
        var header = Parse(path, rest.AsSpan(0, jsonLength));
        var payload = AlignUp(PrefixBytes + (long)jsonLength + ChecksumBytes);
        if (file.Length != payload + header.PayloadBytes)
            throw Damaged(path, $"it has {file.Length:N0} bytes and should have {payload + header.PayloadBytes:N0}");
        return (header, payload);
    }

    public static long AlignUp(long offset) => (offset + PayloadAlignment - 1) / PayloadAlignment * PayloadAlignment;

    public void Dispose()
    {
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _file.Dispose();
    }

    private static PackedHeader Parse(string path, ReadOnlySpan<byte> json)
    {
        try
        {
            var header = PackedHeader.FromJson(json);
            if (header is { Channels: > 0, Height: > 0, Width: > 0, TrainImages: >= 0, TestImages: >= 0, ClassNames.Count: > 0 }
                && header.Mean.Count == header.Channels && header.Std.Count == header.Channels)
                return header;
        }
        catch (JsonException)
        {
            // Falls through: the same message, the text of the parser helps nobody.
        }
        throw Damaged(path, "its header makes no sense");
    }

    private void Verify(long payload)
    {
        var hash = new XxHash3();
        const int piece = 1 << 28;
        for (long done = 0; done < Header.PayloadBytes; done += piece)
            hash.Append(new ReadOnlySpan<byte>(_start + payload + done, (int)Math.Min(piece, Header.PayloadBytes - done)));
        var found = hash.GetCurrentHashAsUInt64().ToString("x16", CultureInfo.InvariantCulture);
        if (found != Header.PayloadXxHash3)
            throw Damaged(Path, $"the checksum of its images is {found} and should be {Header.PayloadXxHash3}");
        if (Header.MultiLabel) return;
        for (var image = 0; image < Header.Images; image++)
            if ((uint)Label(image) >= (uint)Header.ClassNames.Count)
                throw Damaged(Path, $"image {image} has label {Label(image)} of {Header.ClassNames.Count} classes");
    }

    private static UserErrorException Damaged(string path, string what) =>
        new($"{path}: is damaged: {what}. Delete it and prepare it again with `volley dataset prepare`.");

    private int Checked(int image) =>
        (uint)image < (uint)Header.Images ? image : throw new ArgumentOutOfRangeException(nameof(image), image, $"There are {Header.Images} images.");
}
