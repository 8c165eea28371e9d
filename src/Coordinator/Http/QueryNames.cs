using Volley.Shared.Config.Yaml;

namespace Volley.Coordinator.Http;

/// <summary>The query parameters of a route: others are refused, because a misspelt one would silently mean nothing.</summary>
internal sealed record QueryNames(string[] Names)
{
    /// <summary>For the group of all routes.</summary>
    public static ValueTask<object?> RefuseOthersAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        var names = context.HttpContext.GetEndpoint()?.Metadata.GetMetadata<QueryNames>()?.Names ?? [];
        foreach (var name in context.HttpContext.Request.Query.Keys)
        {
            if (names.Contains(name, StringComparer.Ordinal)) continue;
            var help = NearestKey.Of(name, names) is { } nearest ? $"did you mean {nearest}?"
                : names.Length == 0 ? "this route takes none." : $"it takes {string.Join(", ", names)}.";
            throw new ApiProblemException(
                StatusCodes.Status400BadRequest, "Unknown query parameter", $"\"{ApiProblems.Shown(name)}\" is no query parameter of this route; {help}");
        }
        return next(context);
    }
}

internal static class QueryNamesExtensions
{
    public static RouteHandlerBuilder WithQuery(this RouteHandlerBuilder route, params string[] names) => route.WithMetadata(new QueryNames(names));
}
