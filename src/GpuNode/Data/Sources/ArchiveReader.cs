using System.Formats.Tar;
using System.IO.Compression;
using SharpCompress.Common;
using SharpCompress.Compressors.Xz;
using Volley.Shared;

namespace Volley.GpuNode.Data.Sources;

/// <summary>The files of a .tar, .tar.gz, .tar.xz or .zip, one after the other, in memory. Nothing is unpacked to disk.</summary>
/// <remarks>
/// Names with <c>..</c>, absolute names and links are refused although nothing is written: such an archive was made to hurt, or by
/// mistake, and the next program that opens it may unpack it.
/// </remarks>
internal static class ArchiveReader
{
    // One image, or one batch of CIFAR (31 MB); what claims more is not one.
    private const long LargestEntry = 256L << 20;

    private static readonly string[] Suffixes = [".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".zip"];

    public static bool IsArchiveName(string path) =>
        Suffixes.Any(suffix => path.EndsWith(suffix, StringComparison.OrdinalIgnoreCase));

    /// <summary>Names alone, as far as they are asked for.</summary>
    public static IEnumerable<string> FileNames(string path) => Read(path, wanted: _ => true, withContent: false).Select(entry => entry.Name);

    /// <param name="wanted">Which files to read; the others are skipped (after their names were checked).</param>
    public static IEnumerable<ArchiveEntry> Read(string path, Func<string, bool> wanted) => Read(path, wanted, withContent: true);

    private static IEnumerable<ArchiveEntry> Read(string path, Func<string, bool> wanted, bool withContent)
    {
        var entries = path.EndsWith(".zip", StringComparison.OrdinalIgnoreCase) ? ReadZip(path, wanted, withContent) : ReadTar(path, wanted, withContent);
        using var steps = entries.GetEnumerator();
        while (true)
        {
            try
            {
                if (!steps.MoveNext()) yield break;
            }
            catch (Exception damaged) when (IsDamage(damaged))
            {
                throw new UserErrorException($"{path}: is cut off, damaged or not such an archive ({damaged.Message}). Get it again.", damaged);
            }
            yield return steps.Current;
        }
    }

    // What the three libraries throw at bytes that make no sense.
    private static bool IsDamage(Exception failure) =>
        failure is InvalidDataException or EndOfStreamException or FormatException or SharpCompressException or IndexOutOfRangeException or OverflowException;

    private static IEnumerable<ArchiveEntry> ReadTar(string path, Func<string, bool> wanted, bool withContent)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 20);
        using var plain = Decompress(file, path);
        using var tar = new TarReader(plain);
        while (tar.GetNextEntry() is { } entry)
        {
            if (entry.EntryType is TarEntryType.GlobalExtendedAttributes) continue;
            var name = SafeName(path, entry.Name);
            if (entry.EntryType is TarEntryType.SymbolicLink or TarEntryType.HardLink)
                throw new UserErrorException($"{path}: {name} is a link to {entry.LinkName}; links are refused. Make the archive with the files themselves.");
            if (entry.EntryType is not (TarEntryType.RegularFile or TarEntryType.V7RegularFile) || !wanted(name)) continue;
            yield return new(name, withContent ? ReadEntry(path, name, entry.DataStream, entry.Length) : []);
        }
        // The stream behind the last entry holds the checksum of the compression: read to the end, or a damaged file passes.
        plain.CopyTo(Stream.Null);
    }

    private static Stream Decompress(FileStream file, string path)
    {
        var lower = path.ToLowerInvariant();
        if (lower.EndsWith("gz", StringComparison.Ordinal)) return new GZipStream(file, CompressionMode.Decompress);
        return lower.EndsWith("xz", StringComparison.Ordinal) ? new BufferedStream(new XZStream(file), 1 << 20) : file;
    }

    private static IEnumerable<ArchiveEntry> ReadZip(string path, Func<string, bool> wanted, bool withContent)
    {
        using var zip = ZipFile.OpenRead(path);
        foreach (var entry in zip.Entries)
        {
            var name = SafeName(path, entry.FullName);
            // Unix mode in the upper half: S_IFLNK is 0o120000.
            if (((entry.ExternalAttributes >> 16) & 0xF000) == 0xA000)
                throw new UserErrorException($"{path}: {name} is a link; links are refused. Make the archive with the files themselves.");
            if (name.EndsWith('/') || !wanted(name)) continue;
            using var stream = entry.Open();
            yield return new(name, withContent ? ReadEntry(path, name, stream, entry.Length) : []);
        }
    }

    private static byte[] ReadEntry(string path, string name, Stream? stream, long length)
    {
        if (length > LargestEntry) throw new UserErrorException($"{path}: {name} has {length:N0} bytes; at most {LargestEntry:N0} are read.");
        var bytes = new byte[length];
        stream?.ReadExactly(bytes);
        return bytes;
    }

    private static string SafeName(string path, string name)
    {
        var normal = name.Replace('\\', '/');
        if (normal.StartsWith('/') || normal.Split('/').Contains("..") || (normal.Length > 1 && normal[1] == ':'))
            throw new UserErrorException($"{path}: holds '{name}'; names that are absolute or lead out of the archive ('..') are refused.");
        return normal.StartsWith("./", StringComparison.Ordinal) ? normal[2..] : normal;
    }
}

/// <param name="Name">With forward slashes.</param>
internal sealed record ArchiveEntry(string Name, byte[] Content);
