using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Volley.Shared;

namespace Volley.Models.Safetensors;

/// <summary>An open safetensors file. The header is checked whole when it is opened; tensors are read one by one, when asked for.</summary>
/// <remarks>Safe for several threads: reads are positioned.</remarks>
public sealed class SafetensorsFile : IDisposable
{
    private readonly SafeFileHandle _handle;
    private readonly long _dataStart;
    private readonly Dictionary<string, SafetensorsEntry> _byName;

    private SafetensorsFile(string path, SafeFileHandle handle, long dataStart,
        ImmutableArray<SafetensorsEntry> entries, ImmutableSortedDictionary<string, string> metadata)
    {
        (Path, _handle, _dataStart, Entries, Metadata) = (path, handle, dataStart, entries, metadata);
        _byName = entries.ToDictionary(e => e.Name, StringComparer.Ordinal);
    }

    public string Path { get; }

    /// <summary>In the order of the header.</summary>
    public ImmutableArray<SafetensorsEntry> Entries { get; }

    public ImmutableSortedDictionary<string, string> Metadata { get; }

    /// <exception cref="UserErrorException">The file is missing, not readable, or no valid safetensors file.</exception>
    public static SafetensorsFile Open(string path)
    {
        SafeFileHandle handle;
        try
        {
            handle = File.OpenHandle(path);
        }
        catch (Exception wrong) when (wrong is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException(
                Directory.Exists(path) ? $"{path}: is a folder, a safetensors file is needed." : $"{path}: cannot be read ({wrong.Message}).", wrong);
        }
        try
        {
            var fileBytes = RandomAccess.GetLength(handle);
            Span<byte> prefix = stackalloc byte[8];
            var got = ReadAsMuchAsThereIs(handle, prefix, 0);
            var headerBytes = SafetensorsHeader.CheckedLength(prefix[..got], fileBytes, path);
            var json = new byte[headerBytes];
            if (ReadAsMuchAsThereIs(handle, json, 8) != headerBytes) throw SafetensorsHeader.Damaged(path, "it became shorter while it was read");
            var dataStart = 8L + headerBytes;
            var (entries, metadata) = SafetensorsHeader.Parse(json, fileBytes - dataStart, path);
            return new SafetensorsFile(path, handle, dataStart, entries, metadata);
        }
        catch (NotSupportedException wrong)
        {
            handle.Dispose();
            throw new UserErrorException($"{path}: is no regular file ({wrong.Message}).", wrong);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    public bool Contains(string name) => _byName.ContainsKey(name);

    /// <exception cref="UserErrorException">The file has no such tensor.</exception>
    public SafetensorsEntry Entry(string name) =>
        _byName.TryGetValue(name, out var entry) ? entry : throw new UserErrorException($"{Path}: has no tensor '{name}'.");

    /// <summary>Fills <paramref name="destination"/>, whose length must be the tensor's, with its little-endian bytes.</summary>
    public void Read(SafetensorsEntry entry, Span<byte> destination)
    {
        if (destination.Length != entry.Bytes)
            throw new ArgumentException($"'{entry.Name}' has {entry.Bytes} bytes, the destination {destination.Length}.", nameof(destination));
        if (ReadAsMuchAsThereIs(_handle, destination, _dataStart + entry.Offset) != destination.Length)
            throw SafetensorsHeader.Damaged(Path, $"it ended while '{entry.Name}' was read");
    }

    /// <summary>The tensor's elements, row-major.</summary>
    /// <exception cref="UserErrorException">Its type is not <paramref name="type"/>, or it is larger than an array can be.</exception>
    public T[] Read<T>(string name, SafetensorsType type) where T : unmanaged
    {
        var entry = Entry(name);
        if (entry.Type != type) throw new UserErrorException($"{Path}: tensor '{name}' has type {entry.Type}, must be {type}.");
        if (entry.Bytes > Array.MaxLength) throw new UserErrorException($"{Path}: tensor '{name}' has {entry.Bytes} bytes, at most {Array.MaxLength} can be read at once.");
        var values = new T[entry.Elements];
        Read(entry, MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }

    public void Dispose() => _handle.Dispose();

    private static int ReadAsMuchAsThereIs(SafeFileHandle handle, Span<byte> buffer, long position)
    {
        var done = 0;
        while (done < buffer.Length)
        {
            var n = RandomAccess.Read(handle, buffer[done..], position + done);
            if (n == 0) break;
            done += n;
        }
        return done;
    }
}
