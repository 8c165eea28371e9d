using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Nodes;
using Volley.Coordinator.Hosting;
using Volley.Coordinator.Http;
using Volley.Shared;

namespace Volley.Coordinator.Client;

/// <summary>How long a client is patient.</summary>
/// <param name="Answer">For one answer. A submission tries every combination of its file; otherwise milliseconds are usual.</param>
/// <param name="Recovery">For a coordinator that says "not now", or that answered before and does not any more: it restarts, or another takes over (DESIGN §10: 17 s).</param>
/// <param name="Between">Two tries.</param>
internal sealed record ClientPatience(TimeSpan Answer, TimeSpan Recovery, TimeSpan Between)
{
    public static readonly ClientPatience Default = new(TimeSpan.FromSeconds(60), TimeSpan.FromMinutes(2), TimeSpan.FromMilliseconds(500));
}

/// <summary>
/// One conversation with a coordinator over HTTP. Everything that goes wrong on the way becomes one sentence: <see cref="UnreachableException"/>
/// where nobody answers that could, <see cref="ApiException"/> where a coordinator refuses.
/// </summary>
/// <param name="say">For what a waiting person should know.</param>
internal sealed class ApiConnection(CoordinatorAddress address, ClientPatience patience, TimeProvider clock, Action<string> say) : IDisposable
{
    // Pages are bounded; what is larger comes from something else.
    private const long MostBytes = 256 << 20;

    private readonly HttpClient _http = new(new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromSeconds(5), UseProxy = false })
    {
        Timeout = Timeout.InfiniteTimeSpan,
        MaxResponseContentBufferSize = MostBytes,
    };

    private int _current;
    private bool _hasAnswered;
    private bool _hasSaid;

    public CoordinatorAddress Address => address;

    public void Dispose() => _http.Dispose();

    /// <exception cref="UnreachableException">Nobody answers.</exception>
    /// <exception cref="ApiException">It was refused.</exception>
    public async Task<T> GetAsync<T>(string path, CancellationToken stop, JsonSerializerOptions? json = null) =>
        Read<T>(await AskAsync(() => new HttpRequestMessage(HttpMethod.Get, path), isRepeatable: true, stop), json ?? ApiJson.Options);

    /// <param name="isRepeatable">Doing it twice is doing it once: an answer that was lost on the way may be asked for again.</param>
    /// <exception cref="UnreachableException">Nobody answers.</exception>
    /// <exception cref="ApiException">It was refused.</exception>
    public async Task<T> PostAsync<T>(string path, object? body, bool isRepeatable, CancellationToken stop) => Read<T>(
        await AskAsync(() => new HttpRequestMessage(HttpMethod.Post, path) { Content = body is null ? null : JsonContent.Create(body, body.GetType(), options: ApiJson.Options) }, isRepeatable, stop),
        ApiJson.Options);

    /// <summary>An answer that comes bit by bit; its content is not read yet.</summary>
    public async Task<HttpResponseMessage> StreamAsync(string path, CancellationToken stop)
    {
        var response = await RetryAsync(() => new HttpRequestMessage(HttpMethod.Get, path), isRepeatable: true, HttpCompletionOption.ResponseHeadersRead, stop);
        if (response.IsSuccessStatusCode) return response;
        using (response) throw Refusal(response.StatusCode, await response.Content.ReadAsStringAsync(stop));
    }

    private async Task<byte[]> AskAsync(Func<HttpRequestMessage> request, bool isRepeatable, CancellationToken stop)
    {
        using var response = await RetryAsync(request, isRepeatable, HttpCompletionOption.ResponseContentRead, stop);
        var content = await response.Content.ReadAsByteArrayAsync(stop);
        if (!response.IsSuccessStatusCode) throw Refusal(response.StatusCode, System.Text.Encoding.UTF8.GetString(content));
        return content;
    }

    /// <summary>Waits out a coordinator that recovers, and turns to the next address where one does not answer.</summary>
    private async Task<HttpResponseMessage> RetryAsync(Func<HttpRequestMessage> request, bool isRepeatable, HttpCompletionOption completion, CancellationToken stop)
    {
        var start = clock.GetTimestamp();
        for (var tries = 1; ; tries++)
        {
            bool IsOver() => clock.GetElapsedTime(start) > patience.Recovery;
            try
            {
                var response = await SendAsync(request, completion, stop);
                (_hasAnswered, var isBusy) = (true, response.StatusCode == HttpStatusCode.ServiceUnavailable);
                if (!isBusy || IsOver())
                {
                    _hasSaid &= isBusy;     // the next time it will be news again
                    return response;
                }
                response.Dispose();
                Say("is not ready (it recovers, or another takes over)");
            }
            catch (HttpRequestException error) when (error.HttpRequestError is HttpRequestError.InvalidResponse or HttpRequestError.ConfigurationLimitExceeded
                || (!_hasAnswered && error.HttpRequestError == HttpRequestError.ResponseEnded))
            {
                throw new UnreachableException($"{Current.Authority} answers, but is no Volley coordinator. Give the address that `volley serve` prints as its HTTP API.", error);
            }
            catch (Exception error) when (IsLost(error, stop))
            {
                var wasSent = error is not HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError };
                if (wasSent && !isRepeatable)
                    throw new UnreachableException($"{Current.Authority} did not answer ({Reason(error)}): it may have done this or not. Look before you ask again.", error);
                _current = (_current + 1) % address.Uris.Count;
                // Nobody has answered yet: each address is tried once. Afterwards it is taken to restart.
                if (_hasAnswered ? IsOver() : tries >= address.Uris.Count)
                    throw new UnreachableException($"No coordinator answers at {address}: {Reason(error)}. Is `volley serve` running there, and is this the address of its HTTP API?", error);
                if (!_hasAnswered) continue;
                Say($"does not answer ({Reason(error)})");
            }
            await Task.Delay(patience.Between, clock, stop);
        }
    }

    private Uri Current => address.Uris[_current];

    private async Task<HttpResponseMessage> SendAsync(Func<HttpRequestMessage> request, HttpCompletionOption completion, CancellationToken stop)
    {
        using var message = request();
        message.RequestUri = new Uri(Current, message.RequestUri!.OriginalString);
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(stop);
        using var timer = clock.CreateTimer(static source => ((CancellationTokenSource)source!).Cancel(), timeout, patience.Answer, Timeout.InfiniteTimeSpan);
        var response = await _http.SendAsync(message, completion, timeout.Token);
        var version = response.Headers.TryGetValues(ApiMetricsExtensions.VersionHeader, out var values) ? values.First() : null;
        if (version == CoordinatorHost.Version) return response;
        using (response)
            throw new UnreachableException(version is null
                ? $"{Current.Authority} answers, but is no Volley coordinator (HTTP {(int)response.StatusCode}). Give the address that `volley serve` prints as its HTTP API."
                : $"The coordinator at {Current.Authority} is Volley {version}, this is {CoordinatorHost.Version}: use the same version on every machine.");
    }

    private static bool IsLost(Exception error, CancellationToken stop) =>
        error is HttpRequestException or IOException or SocketException || (error is OperationCanceledException && !stop.IsCancellationRequested);

    private string Reason(Exception error) => error switch
    {
        OperationCanceledException => $"nothing within {patience.Answer.TotalSeconds:0} s",
        HttpRequestException { HttpRequestError: HttpRequestError.NameResolutionError } => "no machine of that name is known",
        _ => error.GetBaseException().Message.TrimEnd('.'),
    };

    private void Say(string what)
    {
        if (_hasSaid) return;
        _hasSaid = true;
        say($"The coordinator at {address} {what}; waiting up to {patience.Recovery.TotalSeconds:0} s …");
    }

    private T Read<T>(byte[] content, JsonSerializerOptions json)
    {
        try
        {
            return JsonSerializer.Deserialize<T>(content, json) ?? throw new UnreachableException($"{Current.Authority} answered with nothing.");
        }
        catch (Exception error) when (error is JsonException or UserErrorException and not UnreachableException)
        {
            throw new UnreachableException($"{Current.Authority} answered with something that this version does not understand: {error.Message}", error);
        }
    }

    private ApiException Refusal(HttpStatusCode status, string text)
    {
        try
        {
            var problem = JsonNode.Parse(text) as JsonObject;
            return new ApiException(status, (string?)problem?["detail"] ?? (string?)problem?["title"] ?? Bare());
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            return new ApiException(status, Bare());
        }

        string Bare() => $"The coordinator at {Current.Authority} answered HTTP {(int)status} without saying why.";
    }
}
