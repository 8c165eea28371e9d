using Volley.Coordinator.Hosting;

namespace Volley.Coordinator.Http;

/// <summary>
/// The API works at every coordinator: a standby passes requests on to the one in charge and streams its answer back. States of sweeps are
/// too large for actor messages (DESIGN §2, "Between machines"), so this is HTTP.
/// </summary>
internal sealed class LeaderForwarding(RequestDelegate next, Leadership leadership)
{
    /// <summary>Set on what was passed on once: two coordinators that take each other for the leader must not play ball.</summary>
    private const string ForwardedBy = "Volley-Forwarded";

    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(3);

    private static readonly HttpMessageInvoker Http = new(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false, UseCookies = false, ConnectTimeout = ConnectTimeout });

    public async Task InvokeAsync(HttpContext context)
    {
        if (leadership.IsHere || ClusterApi.IsOwn(context.Request.Path))
        {
            await next(context);
            return;
        }
        var leader = leadership.Leader;
        if (leader is null || Leadership.HttpOf(leader) is not { } address || context.Request.Headers.ContainsKey(ForwardedBy))
        {
            await UnavailableAsync(context, "No coordinator is in charge at this moment: one is starting, or takes over. Try again.");
            return;
        }
        try
        {
            using var request = Copy(context.Request, address);
            using var answer = await Http.SendAsync(request, context.RequestAborted);
            context.Response.StatusCode = (int)answer.StatusCode;
            foreach (var (name, values) in answer.Headers.NonValidated.Concat(answer.Content.Headers.NonValidated).Select(header => (header.Key, header.Value)))
                if (!IsOfTheConnection(name)) context.Response.Headers[name] = values.ToArray();
            await using var body = await answer.Content.ReadAsStreamAsync(context.RequestAborted);
            await body.CopyToAsync(context.Response.Body, context.RequestAborted);
        }
        catch (HttpRequestException error) when (!context.Response.HasStarted)
        {
            await UnavailableAsync(context, $"The coordinator in charge, {address.Authority}, cannot be reached from here ({error.GetBaseException().Message}); another takes over within 20 s if it is gone. Try again.");
        }
    }

    private static HttpRequestMessage Copy(HttpRequest from, Uri leader)
    {
        var request = new HttpRequestMessage(new HttpMethod(from.Method), new Uri(leader, $"{from.PathBase}{from.Path}{from.QueryString}"));
        if (from.ContentLength is not 0 && (from.ContentLength > 0 || from.Headers.TransferEncoding.Count > 0)) request.Content = new StreamContent(from.Body);
        foreach (var (name, values) in from.Headers)
        {
            if (IsOfTheConnection(name)) continue;
            if (!request.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values)) request.Content?.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values);
        }
        request.Headers.TryAddWithoutValidation(ForwardedBy, "1");
        return request;
    }

    private static bool IsOfTheConnection(string header) =>
        header.ToLowerInvariant() is "connection" or "keep-alive" or "transfer-encoding" or "upgrade" or "host" or "expect" or "te" or "trailer" or "proxy-connection";

    private static Task UnavailableAsync(HttpContext context, string detail)
    {
        context.Response.Headers.RetryAfter = ApiProblems.RetryAfterSeconds;
        return TypedResults.Problem(detail, statusCode: StatusCodes.Status503ServiceUnavailable, title: "No coordinator in charge").ExecuteAsync(context);
    }
}
