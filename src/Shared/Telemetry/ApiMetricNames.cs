namespace Volley.Shared.Telemetry;

/// <summary>The HTTP API's own metrics: OpenTelemetry names and units. Prometheus sees <c>volley_api_requests_total{route,method,status}</c>.</summary>
public static class ApiMetricNames
{
    public const string Meter = "Volley.Coordinator.Api";
    public const string Requests = "volley.api.requests";
    public const string RequestsUnit = "{request}";
    public const string RequestsHelp = "Requests to the HTTP API.";

    /// <summary>The route's pattern; <c>none</c> where no route matched.</summary>
    public const string RouteLabel = "route";
    public const string MethodLabel = "method";
    public const string StatusLabel = "status";
}
