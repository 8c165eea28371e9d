using System.Buffers.Binary;
using System.IO.Compression;
using Volley.Shared;

namespace Volley.GpuNode.Data.Sources;

/// <summary>The IDX format of MNIST and its kin: magic number, big-endian sizes, bytes. Gzipped or not.</summary>
internal static class IdxFile
{
    // 00 00, 08 for unsigned bytes, then the number of dimensions.
    private const int ImagesMagic = 0x0803;
    private const int LabelsMagic = 0x0801;

    // More than any such set has; a damaged count must not ask for all memory.
    private const int MostBytes = 1 << 30;

    public static (int Count, int Height, int Width, byte[] Pixels) ReadImages(string path)
    {
        using var stream = Open(path);
        ExpectMagic(stream, path, ImagesMagic, "images");
        int count = ReadInt(stream, path), height = ReadInt(stream, path), width = ReadInt(stream, path);
        return (count, height, width, ReadRest(stream, path, (Int128)count * height * width, $"{count:N0} images of {width}×{height} pixels"));
    }

    public static byte[] ReadLabels(string path)
    {
        using var stream = Open(path);
        ExpectMagic(stream, path, LabelsMagic, "labels");
        var count = ReadInt(stream, path);
        return ReadRest(stream, path, count, $"{count:N0} labels");
    }

    private static Stream Open(string path)
    {
        var file = File.OpenRead(path);
        return path.EndsWith(".gz", StringComparison.Ordinal) ? new BufferedStream(new GZipStream(file, CompressionMode.Decompress), 1 << 16) : file;
    }

    private static void ExpectMagic(Stream stream, string path, int expected, string what)
    {
        var found = ReadInt(stream, path);
        if (found != expected)
            throw new UserErrorException($"{path}: begins with {found:x8}, an IDX file of {what} begins with {expected:x8}.");
    }

    private static int ReadInt(Stream stream, string path)
    {
        Span<byte> bytes = stackalloc byte[4];
        if (ReadSome(stream, bytes, path) < 4) throw new UserErrorException($"{path}: ends inside its header. Get the file again.");
        var value = BinaryPrimitives.ReadInt32BigEndian(bytes);
        return value >= 0 ? value : throw new UserErrorException($"{path}: its header has the size {value}. The file is damaged.");
    }

    private static byte[] ReadRest(Stream stream, string path, Int128 length, string what)
    {
        if (length > MostBytes) throw new UserErrorException($"{path}: claims {what}, more than {MostBytes:N0} bytes. The file is damaged.");
        var bytes = new byte[(int)length];
        var read = ReadSome(stream, bytes, path);
        if (read < length) throw new UserErrorException($"{path}: is cut off: has {read:N0} bytes of data, {what} need {length:N0}. Get the file again.");
        if (ReadSome(stream, stackalloc byte[1], path) > 0) throw new UserErrorException($"{path}: has more data than {what} ({length:N0} bytes). The file is damaged.");
        return bytes;
    }

    private static int ReadSome(Stream stream, Span<byte> bytes, string path)
    {
        try
        {
            return stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        }
        catch (InvalidDataException damaged)
        {
            throw new UserErrorException($"{path}: its gzip compression is damaged ({damaged.Message}). Get the file again.", damaged);
        }
    }
}
