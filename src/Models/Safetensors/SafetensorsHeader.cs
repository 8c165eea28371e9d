using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text.Json;
using Volley.Shared;

namespace Volley.Models.Safetensors;

/// <summary>One tensor of a file: its type, shape, and where its bytes lie after the header.</summary>
/// <param name="Offset">From the end of the header.</param>
public sealed record SafetensorsEntry(string Name, SafetensorsType Type, ImmutableArray<long> Shape, long Offset, long Bytes)
{
    public long Elements => Bytes / Type.ElementBytes();
}

/// <summary>The JSON header of a safetensors file: 8 bytes of length (little-endian), JSON, then the tensors back to back.</summary>
/// <remarks>Format: github.com/huggingface/safetensors, README "Format". Everything is checked before a tensor is touched.</remarks>
internal static class SafetensorsHeader
{
    /// <summary>The format's own limit; a larger length is a damaged or foreign file, and must not become an allocation.</summary>
    public const long MaxHeaderBytes = 100_000_000;

    public const string MetadataKey = "__metadata__";

    /// <param name="prefix">The first 8 bytes of the file.</param>
    /// <param name="fileBytes">Size of the whole file.</param>
    public static int CheckedLength(ReadOnlySpan<byte> prefix, long fileBytes, string path)
    {
        if (prefix.Length < 8)
            throw Damaged(path, $"has {fileBytes} bytes, at least 8 are needed for the length of its header");
        var length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (length > MaxHeaderBytes)
            throw Damaged(path, $"its first 8 bytes announce a header of {length} bytes, at most {MaxHeaderBytes} are allowed: it is no safetensors file");
        if (8 + (long)length > fileBytes)
            throw Damaged(path, $"it announces a header of {length} bytes but has only {fileBytes} bytes in all");
        if (length < 2) throw Damaged(path, $"its header has {length} bytes, the shortest one is {{}}");
        return (int)length;
    }

    /// <param name="json">The header, without its length.</param>
    /// <param name="dataBytes">Bytes of the file after the header.</param>
    public static (ImmutableArray<SafetensorsEntry> Entries, ImmutableSortedDictionary<string, string> Metadata) Parse(
        ReadOnlyMemory<byte> json, long dataBytes, string path)
    {
        if (json.Span[0] != (byte)'{') throw Damaged(path, "its header does not start with '{'");
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 8, AllowDuplicateProperties = false });
            return Read(document.RootElement, dataBytes, path);
        }
        catch (JsonException wrong)
        {
            throw Damaged(path, $"its header is not valid JSON ({wrong.Message})");
        }
        catch (InvalidOperationException wrong)   // text with an escaped half of a surrogate pair is JSON, but no string
        {
            throw Damaged(path, $"its header holds text that is no Unicode ({wrong.Message})");
        }
    }

    public static UserErrorException Damaged(string path, string what) =>
        new($"{path}: {what}. The file is damaged, cut off or of another format; get it again.");

    private static (ImmutableArray<SafetensorsEntry> Entries, ImmutableSortedDictionary<string, string> Metadata) Read(JsonElement root, long dataBytes, string path)
    {
        var entries = ImmutableArray.CreateBuilder<SafetensorsEntry>();
        var metadata = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach (var property in root.EnumerateObject())
        {
            if (property.Name == MetadataKey) ReadMetadata(property.Value, metadata, path);
            else entries.Add(ReadEntry(property, dataBytes, path));
        }
        CheckThatTensorsTile(entries, dataBytes, path);
        return (entries.ToImmutable(), metadata.ToImmutable());
    }

    private static void ReadMetadata(JsonElement value, ImmutableSortedDictionary<string, string>.Builder metadata, string path)
    {
        if (value.ValueKind != JsonValueKind.Object) throw Damaged(path, $"{MetadataKey} is {value.ValueKind}, must be an object of strings");
        foreach (var item in value.EnumerateObject())
        {
            if (item.Value.ValueKind != JsonValueKind.String)
                throw Damaged(path, $"{MetadataKey}.{item.Name} is {item.Value.ValueKind}, must be a string");
            metadata[item.Name] = item.Value.GetString()!;
        }
    }

    private static SafetensorsEntry ReadEntry(JsonProperty property, long dataBytes, string path)
    {
        var (name, value) = (property.Name, property.Value);
        if (value.ValueKind != JsonValueKind.Object
            || !value.TryGetProperty("dtype", out var dtype) || dtype.ValueKind != JsonValueKind.String
            || !value.TryGetProperty("shape", out var shape) || shape.ValueKind != JsonValueKind.Array
            || !value.TryGetProperty("data_offsets", out var offsets) || offsets.ValueKind != JsonValueKind.Array || offsets.GetArrayLength() != 2)
            throw Damaged(path, $"tensor '{name}' must have dtype, shape and data_offsets [begin, end]");
        if (!Enum.TryParse<SafetensorsType>(dtype.GetString(), out var type) || type.ToString() != dtype.GetString())
            throw new UserErrorException(
                $"{path}: tensor '{name}' has type '{dtype.GetString()}'; Volley reads {string.Join(", ", Enum.GetNames<SafetensorsType>())}.");

        var dimensions = ImmutableArray.CreateBuilder<long>(shape.GetArrayLength());
        long bytes = type.ElementBytes();
        foreach (var item in shape.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Number || !item.TryGetInt64(out var dimension) || dimension < 0)
                throw Damaged(path, $"tensor '{name}' has a dimension {item.GetRawText()}, dimensions are whole numbers from 0");
            dimensions.Add(dimension);
            bytes = Math.BigMul(bytes, dimension, out var low) == 0 && low >= 0
                ? low
                : throw Damaged(path, $"tensor '{name}' of shape {shape.GetRawText()} is larger than any file");
        }
        var (first, second) = (offsets[0], offsets[1]);
        if (first.ValueKind != JsonValueKind.Number || !first.TryGetInt64(out var begin)
            || second.ValueKind != JsonValueKind.Number || !second.TryGetInt64(out var end)
            || begin < 0 || end < begin)
            throw Damaged(path, $"tensor '{name}' lies at {offsets.GetRawText()}, must be two rising whole numbers");
        if (end > dataBytes)
            throw Damaged(path, $"tensor '{name}' ends at byte {end} of the data, of which the file has {dataBytes}");
        if (end - begin != bytes)
            throw Damaged(path, $"tensor '{name}' of type {type} and shape {shape.GetRawText()} needs {bytes} bytes, {offsets.GetRawText()} holds {end - begin}");
        return new SafetensorsEntry(name, type, dimensions.ToImmutable(), begin, bytes);
    }

    /// <summary>The format wants no holes and no overlaps: a byte that belongs to none or to two tensors is a damaged header.</summary>
    private static void CheckThatTensorsTile(IEnumerable<SafetensorsEntry> entries, long dataBytes, string path)
    {
        long expected = 0;
        foreach (var entry in entries.OrderBy(e => e.Offset).ThenBy(e => e.Bytes))
        {
            if (entry.Offset != expected)
                throw Damaged(path, $"tensor '{entry.Name}' begins at byte {entry.Offset} of the data, the one before it ends at {expected}");
            expected += entry.Bytes;
        }
        if (expected != dataBytes) throw Damaged(path, $"its tensors take {expected} bytes, {dataBytes} follow the header");
    }
}
