using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Volley.Shared.Config;

/// <summary>One text for one value, whoever wrote it: for hashes that must agree between runs, machines and versions.</summary>
/// <remarks>Keys in ordinal order, no white space, only " \ and control characters escaped, numbers by <see cref="Number"/>; absent and null are the same.</remarks>
public static class CanonicalJson
{
    public static string Of<T>(T value) => Of(JsonSerializer.SerializeToNode(value, ConfigJson.Options));

    public static string Of(JsonNode? node)
    {
        var bytes = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(bytes, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
            Write(writer, node);
        return System.Text.Encoding.UTF8.GetString(bytes.WrittenSpan);
    }

    /// <returns>SHA-256 of the canonical text's UTF-8 bytes, lower-case hex.</returns>
    public static string Sha256(JsonNode? node) => Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(Of(node))));

    /// <inheritdoc cref="Sha256(JsonNode)"/>
    public static string Sha256<T>(T value) => Sha256(JsonSerializer.SerializeToNode(value, ConfigJson.Options));

    /// <summary>Whole numbers as digits, however they were written (1, 1.0, 1e0); others by the shortest text that reads back to the same double.</summary>
    public static string Number(string literal)
    {
        if (literal.AsSpan().IndexOfAny('.', 'e', 'E') < 0)
            return Int128.TryParse(literal, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) ? whole.ToString(CultureInfo.InvariantCulture) : literal;
        var value = double.Parse(literal, NumberStyles.Float, CultureInfo.InvariantCulture);
        const double ExactlyWhole = 1L << 53;
        return Math.Abs(value) <= ExactlyWhole && value == Math.Truncate(value)
            ? ((long)value).ToString(CultureInfo.InvariantCulture)
            : value.ToString("R", CultureInfo.InvariantCulture);
    }

    private static void Write(Utf8JsonWriter writer, JsonNode? node)
    {
        switch (node)
        {
            case JsonObject fields:
                writer.WriteStartObject();
                foreach (var (key, value) in fields.Where(field => field.Value is not null).OrderBy(field => field.Key, StringComparer.Ordinal))
                {
                    writer.WritePropertyName(key);
                    Write(writer, value);
                }
                writer.WriteEndObject();
                break;
            case JsonArray items:
                writer.WriteStartArray();
                foreach (var item in items) Write(writer, item);
                writer.WriteEndArray();
                break;
            case JsonValue value when value.GetValueKind() == JsonValueKind.Number:
                writer.WriteRawValue(Number(value.ToJsonString()));
                break;
            case null:
                writer.WriteNullValue();
                break;
            default:
                node.WriteTo(writer);
                break;
        }
    }
}
