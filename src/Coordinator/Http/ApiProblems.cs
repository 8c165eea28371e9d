using System.Text.Json;
using Akka.Actor;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http.HttpResults;
using Volley.Coordinator.Journal;
using Volley.Shared;
using Volley.Shared.Config;
using Volley.Shared.Config.Yaml;
using Volley.Shared.Identifiers;

namespace Volley.Coordinator.Http;

/// <summary>A request that cannot be answered as asked: what a person reads, as problem+json (RFC 9457).</summary>
internal sealed class ApiProblemException(int status, string title, string detail) : Exception(detail)
{
    public int Status => status;

    public string Title => title;
}

/// <summary>Everything that goes wrong, as problem+json.</summary>
internal static class ApiProblems
{
    /// <summary>With every 503: most recoveries take less.</summary>
    public const string RetryAfterSeconds = "1";

    public static ApiProblemException NoSuchSweep(string id, IEnumerable<SweepId> known) => new(StatusCodes.Status404NotFound, "No such sweep",
        NearestKey.Of(id, known.Select(sweep => sweep.Value)) is { } nearest
            ? $"There is no sweep named \"{id}\"; did you mean \"{nearest}\"?"
            : $"There is no sweep named \"{id}\"; `volley sweep list` (GET /api/v1/sweeps) lists them.");

    public static ApiProblemException NoSuchTrial(SweepId sweep, int number, int trials) => new(StatusCodes.Status404NotFound, "No such trial",
        trials == 0 ? $"Sweep {sweep} has no trial yet." : $"Sweep {sweep} has no trial {number}; it has 0 to {trials - 1}.");

    public static ApiProblemException NoSuchNode(NodeId node, IReadOnlyCollection<NodeId> known) => new(StatusCodes.Status404NotFound, "No such node",
        NearestKey.Of(node.Value, known.Select(other => other.Value)) is { } nearest ? $"There is no node named \"{Shown(node.Value)}\"; did you mean \"{nearest}\"?"
        : known.Count == 0 ? "No machine has joined yet." : $"There is no node named \"{Shown(node.Value)}\"; `volley node list` (GET /api/v1/nodes) lists them.");

    public static ApiProblemException Unreadable(SweepId sweep, string reason) => new(StatusCodes.Status500InternalServerError, "The sweep cannot be recovered",
        $"The journal of sweep \"{sweep}\" cannot be replayed: {reason} Use the version of Volley that wrote it.");

    /// <exception cref="ApiProblemException">It is none.</exception>
    public static SweepId CheckName(string name) => SweepId.IsValid(name)
        ? new SweepId(name)
        : throw new ApiProblemException(StatusCodes.Status400BadRequest, "Invalid name", $"\"{Shown(name)}\" is no sweep's name: 1 to 63 of a-z, 0-9 and '-'.");

    /// <summary>What a client sent may be long and may hold anything.</summary>
    public static string Shown(string text) => new([.. (text.Length <= 80 ? text : text[..80] + "…").Select(letter => char.IsControl(letter) ? '?' : letter)]);

    public static Task ExplainAsync(HttpContext context)
    {
        var error = context.Features.Get<IExceptionHandlerFeature>()?.Error;
        var problem = error switch
        {
            ApiProblemException expected => Problem(expected.Status, expected.Title, expected.Message),
            ConfigException config => Problem(422, "The sweep file cannot be used", config.Message),
            UserErrorException user => Problem(422, "Bad input", user.Message),
            AskTimeoutException => Problem(503, "The coordinator does not answer",
                context.RequestServices.GetRequiredService<JournalHealth>().Problem ?? "The coordinator is recovering, moving, or very busy. Try again."),
            BadHttpRequestException { StatusCode: 413 } => TooLarge(),
            BadHttpRequestException bad => Problem(bad.StatusCode, "Bad request", bad.InnerException is JsonException json ? json.Message : bad.Message),
            _ => Problem(500, "Internal error", "The coordinator's log says more."),
        };
        if (problem.StatusCode == 503) context.Response.Headers.RetryAfter = RetryAfterSeconds;
        return problem.ExecuteAsync(context);
    }

    /// <summary>What the server itself answers without a body: wrong paths, wrong methods, wrong content types, bodies that are too large.</summary>
    public static void Complete(ProblemDetailsContext context)
    {
        var (http, problem) = (context.HttpContext, context.ProblemDetails);
        problem.Detail ??= http.Response.StatusCode switch
        {
            404 => $"There is no {Shown(http.Request.Path)} here; docs/http-api.md lists what there is.",
            405 => $"{Shown(http.Request.Method)} is not for {Shown(http.Request.Path)}; it takes {http.Response.Headers.Allow}.",
            413 => TooLarge().ProblemDetails.Detail,
            415 => "The body must be JSON, with the header content-type: application/json.",
            _ => null,
        };
    }

    private static ProblemHttpResult TooLarge() =>
        Problem(413, "The body is too large", $"At most {SweepApi.MaxBodyBytes >> 20} MB are taken; a sweep file has a few thousand bytes.");

    private static ProblemHttpResult Problem(int status, string title, string detail) => TypedResults.Problem(detail, statusCode: status, title: title);
}
