using System.Diagnostics.Metrics;
using Microsoft.AspNetCore.Diagnostics;
using Volley.Coordinator.Hosting;
using Volley.Shared.Telemetry;

namespace Volley.Coordinator.Http;

/// <summary>Requests by route and status. A route is its pattern, so the series are as many as the routes.</summary>
internal sealed class ApiMetrics
{
    private readonly Counter<long> _requests;

    public ApiMetrics(IMeterFactory meters) =>
        _requests = meters.Create(ApiMetricNames.Meter).CreateCounter<long>(ApiMetricNames.Requests, ApiMetricNames.RequestsUnit, ApiMetricNames.RequestsHelp);

    public void Count(string route, string method, int status) => _requests.Add(1,
        new KeyValuePair<string, object?>(ApiMetricNames.RouteLabel, route),
        new KeyValuePair<string, object?>(ApiMetricNames.MethodLabel, method),
        new KeyValuePair<string, object?>(ApiMetricNames.StatusLabel, status));
}

internal static class ApiMetricsExtensions
{
    /// <summary>Says on every answer what this is: a client that finds something else at an address can tell.</summary>
    public const string VersionHeader = "volley-version";

    private static readonly string[] Methods = [HttpMethods.Get, HttpMethods.Post, HttpMethods.Put, HttpMethods.Delete, HttpMethods.Head, HttpMethods.Options, HttpMethods.Patch];

    /// <summary>First of the pipeline, so that what later parts answer is counted as it leaves.</summary>
    public static void UseApiMetrics(this WebApplication app)
    {
        var metrics = app.Services.GetRequiredService<ApiMetrics>();
        app.Use(async (context, next) =>
        {
            context.Response.OnStarting(() =>
            {
                context.Response.Headers[VersionHeader] = CoordinatorHost.Version;
                return Task.CompletedTask;
            });
            try
            {
                await next(context);
            }
            finally
            {
                // The exception handler takes the endpoint away and keeps it in its feature.
                var endpoint = context.GetEndpoint() ?? context.Features.Get<IExceptionHandlerFeature>()?.Endpoint;
                metrics.Count((endpoint as RouteEndpoint)?.RoutePattern.RawText ?? "none", Methods.Contains(context.Request.Method) ? context.Request.Method : "other", context.Response.StatusCode);
            }
        });
    }
}
