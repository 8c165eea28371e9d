using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Volley.Coordinator.Http;
using Volley.Shared;
using Volley.Shared.Config;
using Volley.Shared.Results;

namespace Volley.Coordinator.LocalRun;

/// <summary>The HTTP API from a program's side; whatever the server explains becomes a <see cref="UserErrorException"/> with its words.</summary>
internal sealed class SweepClient(Uri coordinator) : IDisposable
{
    // The API answers in milliseconds; submission tries every combination of the file and recovery replays a journal.
    private readonly HttpClient _http = new() { BaseAddress = coordinator, Timeout = TimeSpan.FromSeconds(60) };

    /// <summary>How long "not now" is taken for an answer to wait out.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan RetryPeriod = TimeSpan.FromMilliseconds(500);

    public async Task<IReadOnlyList<string>> ListAsync(CancellationToken stop) => await GetAsync<List<string>>("/api/v1/sweeps", stop);

    public Task<SweepView> SubmitAsync(SubmitRequest request, CancellationToken stop) => PostAsync("/api/v1/sweeps", request, stop);

    /// <param name="changedSince">A version of an earlier view; −1 for all trials.</param>
    public Task<SweepView> LookAsync(string sweep, long changedSince, CancellationToken stop) => GetAsync<SweepView>($"/api/v1/sweeps/{sweep}?changed_since={changedSince}", stop);

    public async Task<SweepResults> ResultsAsync(string sweep, CancellationToken stop)
    {
        using var response = await SendAsync(() => new HttpRequestMessage(HttpMethod.Get, $"/api/v1/sweeps/{sweep}/results"), stop);
        return await ReadAsync<SweepResults>(response, ConfigJson.ReadableOptions, stop);
    }

    /// <param name="verb">pause | resume | cancel | retry.</param>
    public Task<SweepView> SteerAsync(string sweep, string verb, CancellationToken stop) => PostAsync<object?>($"/api/v1/sweeps/{sweep}/{verb}", null, stop);

    public void Dispose() => _http.Dispose();

    private async Task<T> GetAsync<T>(string path, CancellationToken stop) => await ReadAsync<T>(await SendAsync(() => new HttpRequestMessage(HttpMethod.Get, path), stop), ApiJson.Options, stop);

    private async Task<SweepView> PostAsync<T>(string path, T body, CancellationToken stop) =>
        await ReadAsync<SweepView>(await SendAsync(() => new HttpRequestMessage(HttpMethod.Post, path) { Content = JsonContent.Create(body, options: ApiJson.Options) }, stop), ApiJson.Options, stop);

    private async Task<HttpResponseMessage> SendAsync(Func<HttpRequestMessage> request, CancellationToken stop)
    {
        var start = TimeProvider.System.GetTimestamp();
        try
        {
            while (true)
            {
                var response = await _http.SendAsync(request(), stop);
                if (response.StatusCode != HttpStatusCode.ServiceUnavailable || TimeProvider.System.GetElapsedTime(start) > Patience) return response;
                response.Dispose();     // it recovers, moves, or the machine is very busy
                await Task.Delay(RetryPeriod, stop);
            }
        }
        catch (HttpRequestException error)
        {
            throw new UserErrorException($"The coordinator at {coordinator} cannot be reached: {error.GetBaseException().Message}", error);
        }
    }

    private static async Task<T> ReadAsync<T>(HttpResponseMessage response, JsonSerializerOptions json, CancellationToken stop)
    {
        using var _ = response;
        if (response.IsSuccessStatusCode)
            return await response.Content.ReadFromJsonAsync<T>(json, stop) ?? throw new UserErrorException("The coordinator's answer is empty.");
        var text = await response.Content.ReadAsStringAsync(stop);
        if (response.StatusCode == HttpStatusCode.Conflict) throw new SubmissionConflictException(Explanation(text) ?? "Another sweep has this name.");
        throw new UserErrorException(Explanation(text) ?? $"The coordinator answered {(int)response.StatusCode}.");
    }

    private static string? Explanation(string problemJson)
    {
        try
        {
            var problem = JsonNode.Parse(problemJson);
            return (string?)problem?["detail"] ?? (string?)problem?["title"];
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

/// <summary>The name is taken by a sweep with other contents.</summary>
internal sealed class SubmissionConflictException(string message) : UserErrorException(message);
