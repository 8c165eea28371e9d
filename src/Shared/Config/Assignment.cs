using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Volley.Shared.Config;

/// <summary>One value for each distribution of a search space, in the file's order: a trial's hyperparameters.</summary>
/// <remarks>Keys are dotted and start below <c>train</c> (<c>optimizer.lr</c>). A <c>choose:</c> stands under its own key, with the option's label.</remarks>
[JsonConverter(typeof(AssignmentJson))]
public sealed class Assignment(ImmutableArray<KeyValuePair<string, string>> choices) : IEquatable<Assignment>
{
    public static Assignment Empty { get; } = new([]);

    public ImmutableArray<KeyValuePair<string, string>> Choices { get; } = choices;

    public string? Find(string key)
    {
        foreach (var (name, value) in Choices)
            if (name == key) return value;
        return null;
    }

    public bool Equals(Assignment? other) => other is not null && Choices.SequenceEqual(other.Choices);

    public override bool Equals(object? obj) => Equals(obj as Assignment);

    public override int GetHashCode() => Choices.Length == 0 ? 0 : HashCode.Combine(Choices.Length, Choices[^1]);

    /// <returns><c>model=sdt optimizer.lr=0.001</c></returns>
    public override string ToString() => string.Join(' ', Choices.Select(choice => $"{choice.Key}={choice.Value}"));

    public string ToJson() => JsonSerializer.Serialize(this);

    /// <exception cref="JsonException">Not an object of words and numbers.</exception>
    public static Assignment FromJson(string json) => JsonSerializer.Deserialize<Assignment>(json) ?? Empty;
}

/// <summary>A JSON object whose numbers are numbers; what would not come back as it was written stays text.</summary>
internal sealed class AssignmentJson : JsonConverter<Assignment>
{
    public override Assignment Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.StartObject) throw new JsonException("hyperparameters must be a JSON object.");
        var choices = ImmutableArray.CreateBuilder<KeyValuePair<string, string>>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            var key = reader.GetString()!;
            reader.Read();
            var value = reader.TokenType switch
            {
                JsonTokenType.String => reader.GetString()!,
                JsonTokenType.Number => Number(reader),
                JsonTokenType.True => "true",
                JsonTokenType.False => "false",
                _ => throw new JsonException($"hyperparameter {key} must be a text, a number, true or false."),
            };
            choices.Add(new KeyValuePair<string, string>(key, value));
        }
        return new Assignment(choices.ToImmutable());
    }

    public override void Write(Utf8JsonWriter writer, Assignment value, JsonSerializerOptions options)
    {
        writer.WriteStartObject();
        foreach (var (key, text) in value.Choices)
        {
            writer.WritePropertyName(key);
            if (text is "true" or "false") writer.WriteBooleanValue(text == "true");
            else if (IsPlainNumber(text)) writer.WriteRawValue(text);
            else writer.WriteStringValue(text);
        }
        writer.WriteEndObject();
    }

    private static string Number(Utf8JsonReader reader) => System.Text.Encoding.UTF8.GetString(reader.ValueSpan);

    private static bool IsPlainNumber(string text) =>
        (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) && whole.ToString(CultureInfo.InvariantCulture) == text)
        || (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && double.IsFinite(value)
            && value.ToString("R", CultureInfo.InvariantCulture) == text);
}
