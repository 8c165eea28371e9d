using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Volley.Shared.Config;

/// <summary>Records ↔ JSON as it stands on the wire, in checkpoints and in results: snake_case, models told apart by <c>family</c>.</summary>
public static class ConfigJson
{
    /// <summary>Unknown members are refused: a setting that this version does not know would silently change the numbers.</summary>
    public static JsonSerializerOptions Options { get; } = Create(JsonUnmappedMemberHandling.Disallow, indented: false);

    /// <summary>For files that people read, and that later versions may have added to.</summary>
    public static JsonSerializerOptions ReadableOptions { get; } = Create(JsonUnmappedMemberHandling.Skip, indented: true);

    public static string Serialize(TrialSpec trial) => JsonSerializer.Serialize(trial, Options);

    /// <exception cref="ConfigException">Not the JSON of a trial, or of another version.</exception>
    public static TrialSpec Deserialize(string json)
    {
        try
        {
            return JsonSerializer.Deserialize<TrialSpec>(json, Options)
                ?? throw new ConfigException("trial", "is null, must be the configuration of a trial.");
        }
        catch (Exception e) when (e is JsonException or NotSupportedException)
        {
            throw new ConfigException("trial", $"cannot be read; it was written by another version of Volley, or damaged: {e.Message}");
        }
    }

    private static void LeaveOut(JsonTypeInfo type)
    {
        foreach (var property in type.Properties)
            if (property.AttributeProvider?.GetCustomAttributes(typeof(LeftOutWhenAttribute), false) is [LeftOutWhenAttribute leftOut])
                property.ShouldSerialize = (_, value) => !leftOut.Value.Equals(value);
    }

    private static JsonSerializerOptions Create(JsonUnmappedMemberHandling unmapped, bool indented)
    {
        var options = new JsonSerializerOptions
        {
            PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
            DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
            NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
            AllowOutOfOrderMetadataProperties = true,
            UnmappedMemberHandling = unmapped,
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            WriteIndented = indented,
            Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
            TypeInfoResolver = new DefaultJsonTypeInfoResolver { Modifiers = { LeaveOut } },
        };
        options.MakeReadOnly(populateMissingResolver: true);
        return options;
    }
}
