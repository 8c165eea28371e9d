using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Volley.Models.Safetensors;

/// <summary>A tensor in host memory, ready to be written.</summary>
/// <param name="Data">Little-endian, row-major.</param>
public sealed record HostTensor(string Name, SafetensorsType Type, ImmutableArray<long> Shape, ReadOnlyMemory<byte> Data);

/// <summary>Writes the safetensors format. The same tensors and metadata give the same bytes, whatever their order.</summary>
public static class SafetensorsWriter
{
    /// <remarks>
    /// Tensors are sorted by element size, largest first, then by name (ordinal): so every tensor is aligned to its elements, as
    /// readers that map the file expect. Metadata is sorted by key.
    /// </remarks>
    public static void Write(Stream destination, IEnumerable<HostTensor> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var sorted = tensors.OrderByDescending(t => t.Type.ElementBytes()).ThenBy(t => t.Name, StringComparer.Ordinal).ToArray();
        Check(sorted);
        var header = Header(sorted, metadata);
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        destination.Write(length);
        destination.Write(header);
        foreach (var tensor in sorted) destination.Write(tensor.Data.Span);
    }

    /// <summary>Writes to <paramref name="path"/>, replacing what is there. No fsync: a checkpoint's writer decides about that.</summary>
    public static void Write(string path, IEnumerable<HostTensor> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 1 << 20);
        Write(file, tensors, metadata);
    }

    private static void Check(HostTensor[] tensors)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var tensor in tensors)
        {
            if (tensor.Name == SafetensorsHeader.MetadataKey) throw new ArgumentException($"A tensor cannot be called {tensor.Name}.");
            if (!names.Add(tensor.Name)) throw new ArgumentException($"Two tensors are called '{tensor.Name}'.");
            var bytes = tensor.Shape.Aggregate((long)tensor.Type.ElementBytes(), (product, dimension) => checked(product * dimension));
            if (bytes != tensor.Data.Length)
                throw new ArgumentException(
                    $"'{tensor.Name}' of type {tensor.Type} and shape [{string.Join(",", tensor.Shape)}] needs {bytes} bytes, has {tensor.Data.Length}.");
        }
    }

    private static byte[] Header(HostTensor[] tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            if (metadata is { Count: > 0 })
            {
                json.WriteStartObject(SafetensorsHeader.MetadataKey);
                foreach (var (key, value) in metadata.OrderBy(m => m.Key, StringComparer.Ordinal)) json.WriteString(key, value);
                json.WriteEndObject();
            }
            long offset = 0;
            foreach (var tensor in tensors)
            {
                json.WriteStartObject(tensor.Name);
                json.WriteString("dtype", tensor.Type.ToString());
                json.WriteStartArray("shape");
                foreach (var dimension in tensor.Shape) json.WriteNumberValue(dimension);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(offset);
                json.WriteNumberValue(offset += tensor.Data.Length);
                json.WriteEndArray();
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        while (buffer.Length % 8 != 0) buffer.WriteByte((byte)' ');
        return buffer.ToArray();
    }
}
