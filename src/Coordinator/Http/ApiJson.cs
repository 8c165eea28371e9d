using System.Text.Json;
using System.Text.Json.Serialization;
using Volley.Coordinator.Journal;

namespace Volley.Coordinator.Http;

/// <summary>One form of JSON for server and client.</summary>
internal static class ApiJson
{
    public static JsonSerializerOptions Options { get; } = Configure(new JsonSerializerOptions(JsonSerializerDefaults.Web));

    public static JsonSerializerOptions Configure(JsonSerializerOptions options)
    {
        options.PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower;
        options.NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals;
        options.DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull;
        options.RespectNullableAnnotations = true;      // a client's null is its mistake, not ours
        options.Converters.Add(new TrialSpecConverter());
        return options;
    }
}
