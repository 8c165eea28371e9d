using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using Volley.Shared.Telemetry;

namespace Volley.Coordinator.Tests.Http;

/// <summary>What clients send that is wrong: one explanation each, as problem+json, and the coordinator goes on.</summary>
[Collection(nameof(ApiCollection))]
public sealed class BadRequestTests(ApiHost host) : IAsyncLifetime
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => await host.SubmitAsync("bad-known", trials: 1);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Theory]
    [InlineData("GET", "/api/v1/sweeps/bad-knwon", 404, "did you mean \"bad-known\"?")]
    [InlineData("GET", "/api/v1/sweeps/zzzzzzzzzzzz", 404, "volley sweep list")]
    [InlineData("GET", "/api/v1/sweeps/Bad_Name", 400, "1 to 63 of a-z")]
    [InlineData("GET", "/api/v1/sweeps/%1b%5b31m", 400, "no sweep's name")]
    [InlineData("GET", "/api/v1/sweeps/..%2f..%2fetc", 400, "no sweep's name")]
    [InlineData("POST", "/api/v1/sweeps/bad-knwon/pause", 404, "did you mean")]
    [InlineData("GET", "/api/v1/sweeps/bad-known/trials/99", 404, "has no trial 99")]
    [InlineData("POST", "/api/v1/sweeps/bad-known/trials/99/kill", 404, "has no trial 99")]
    [InlineData("GET", "/api/v1/sweeps/bad-known/trials/first", 404, "docs/http-api.md")]
    [InlineData("GET", "/api/v1/sweeps/bad-known?changed_sinc=3", 400, "did you mean changed_since?")]
    [InlineData("GET", "/api/v1/sweeps/bad-known?everything=yes", 400, "it takes changed_since, limit")]
    [InlineData("GET", "/api/v1/sweeps/bad-known/best?x=1", 400, "takes none")]
    [InlineData("GET", "/api/v1/sweeps/bad-known?changed_since=yesterday", 400, "changed_since")]
    [InlineData("GET", "/api/v1/sweeps?limit=0", 400, "must be 1 to 1000")]
    [InlineData("GET", "/api/v1/sweeps?limit=100000", 400, "must be 1 to 1000")]
    [InlineData("GET", "/api/v1/sweeps/bad-known/trials?state=runing", 400, "must be one of waiting")]
    [InlineData("GET", "/api/v1/sweeps/bad-known/trials/0/logs?attempt=9", 404, "attempt 9")]
    [InlineData("DELETE", "/api/v1/sweeps/bad-known", 405, "it takes GET")]
    [InlineData("GET", "/api/v1/sweeps/bad-known/pause", 405, "it takes POST")]
    [InlineData("GET", "/api/v1/swep", 404, "docs/http-api.md")]
    [InlineData("GET", "/", 404, "docs/http-api.md")]
    [InlineData("POST", "/api/v1/nodes/node-b/drain", 404, "did you mean \"node-a\"?")]
    [InlineData("POST", "/api/v1/nodes/Node_A/drain", 400, "no node's name")]
    public async Task AWrongAddress_IsExplained(string method, string path, int status, string expected)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        using var response = await host.Http.SendAsync(request, Stop);
        Assert.Contains(expected, await ApiHost.ProblemAsync(response, (HttpStatusCode)status), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", 400, "")]
    [InlineData("rubbish", 400, "'r' is an invalid start")]
    [InlineData("[]", 400, "could not be converted")]
    [InlineData("null", 400, "")]
    [InlineData("{}", 400, "file_name")]
    [InlineData("""{"file_name":"a.yaml","text":null}""", 400, "text")]
    [InlineData("""{"file_name":"a.yaml","text":42}""", 400, "text")]
    [InlineData("""{"file_name":"a.yaml","text":"name: A_B"}""", 422, "a.yaml:1: name: is \"A_B\"")]
    [InlineData("""{"file_name":"a.yaml","text":"trian: {}"}""", 422, "did you mean train?")]
    [InlineData("""{"file_name":"a.yaml","text":"train: [","overrides":["x"]}""", 422, "a.yaml:2: is no valid YAML")]
    public async Task AWrongBody_IsExplained(string body, int status, string expected)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var response = await host.Http.PostAsync("/api/v1/sweeps", content, Stop);
        Assert.Contains(expected, await ApiHost.ProblemAsync(response, (HttpStatusCode)status), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ARelativeRoot_IsRefused()
    {
        using var response = await host.Http.PostAsJsonAsync("/api/v1/sweeps", new { FileName = "a.yaml", Text = ApiHost.Yaml("bad-root"), CheckpointRoot = "../up" }, Volley.Coordinator.Http.ApiJson.Options, Stop);
        Assert.Contains("../up", await ApiHost.ProblemAsync(response, HttpStatusCode.UnprocessableEntity), StringComparison.Ordinal);
    }

    [Fact]
    public async Task BytesThatAreNoText_AreExplained()
    {
        var bytes = new byte[10_000];
        for (var i = 0; i < bytes.Length; i++) bytes[i] = (byte)(i * 31);
        using var content = new ByteArrayContent(bytes);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        using var response = await host.Http.PostAsync("/api/v1/sweeps", content, Stop);
        await ApiHost.ProblemAsync(response, HttpStatusCode.BadRequest);
    }

    [Fact]
    public async Task AnotherContentType_IsExplained()
    {
        using var content = new StringContent("name: x", Encoding.UTF8, "application/yaml");
        using var response = await host.Http.PostAsync("/api/v1/sweeps", content, Stop);
        Assert.Contains("application/json", await ApiHost.ProblemAsync(response, HttpStatusCode.UnsupportedMediaType), StringComparison.Ordinal);
    }

    /// <summary>The client waits for leave to send it, as curl does: so it hears the answer instead of a broken connection.</summary>
    [Fact]
    public async Task AHundredMegabytes_AreRefusedUnread()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/sweeps") { Content = new ByteArrayContent(new byte[100 << 20]) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        request.Headers.ExpectContinue = true;
        using var response = await host.Http.SendAsync(request, Stop);
        Assert.Contains("4 MB", await ApiHost.ProblemAsync(response, HttpStatusCode.RequestEntityTooLarge), StringComparison.Ordinal);
        Assert.True((await host.Http.GetAsync("/healthz", Stop)).IsSuccessStatusCode);
    }

    [Fact]
    public async Task Requests_AreCountedByRouteAndStatus()
    {
        var counted = new System.Collections.Concurrent.ConcurrentBag<(string? Route, string? Method, int? Status)>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, self) =>
        {
            if (instrument.Name == ApiMetricNames.Requests) self.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((_, _, tags, _) =>
        {
            object? Tag(ReadOnlySpan<KeyValuePair<string, object?>> all, string name)
            {
                foreach (var tag in all)
                    if (tag.Key == name) return tag.Value;
                return null;
            }
            counted.Add(((string?)Tag(tags, ApiMetricNames.RouteLabel), (string?)Tag(tags, ApiMetricNames.MethodLabel), (int?)Tag(tags, ApiMetricNames.StatusLabel)));
        });
        listener.Start();
        foreach (var path in new[] { "/api/v1/sweeps/bad-known", "/api/v1/sweeps/nowhere-at-all", "/api/v1/nothing" }) (await host.Http.GetAsync(path, Stop)).Dispose();
        await ApiHost.EventuallyAsync(() => Task.FromResult(
            counted.Contains(("/api/v1/sweeps/{id}", "GET", 200)) && counted.Contains(("/api/v1/sweeps/{id}", "GET", 404)) && counted.Contains(("none", "GET", 404))));
    }
}
