using System.Text.Json;
using System.Text.Json.Serialization;
using Volley.Shared.Config;

namespace Volley.Coordinator.Journal;

/// <summary>A resolved configuration in the journal has the form it has everywhere: that of <see cref="ConfigJson"/>.</summary>
internal sealed class TrialSpecConverter : JsonConverter<TrialSpec>
{
    public override TrialSpec? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => JsonSerializer.Deserialize<TrialSpec>(ref reader, ConfigJson.Options);

    public override void Write(Utf8JsonWriter writer, TrialSpec value, JsonSerializerOptions options) => writer.WriteRawValue(ConfigJson.Serialize(value));
}
