using System.Globalization;
using Volley.Shared;

namespace Volley.Coordinator.Client;

/// <summary>Where coordinators answer HTTP: <c>HOST:PORT</c>, or several with commas between them, of which any will do.</summary>
internal sealed record CoordinatorAddress(IReadOnlyList<Uri> Uris)
{
    /// <summary>Read where no <c>--coordinator</c> is given.</summary>
    public const string Variable = "VOLLEY_COORDINATOR";

    public CoordinatorAddress(Uri uri) : this([uri]) { }

    /// <exception cref="UserErrorException">None is given, or it is no address.</exception>
    public static CoordinatorAddress Of(string? option, string? variable)
    {
        if (!string.IsNullOrWhiteSpace(option)) return Parse(option, "--coordinator");
        if (!string.IsNullOrWhiteSpace(variable)) return Parse(variable, Variable);
        throw new UserErrorException($"Which coordinator? Give --coordinator HOST:PORT, or set {Variable}=HOST:PORT (what `volley serve` prints as its HTTP API).");
    }

    private static CoordinatorAddress Parse(string text, string source)
    {
        var parts = text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        return parts.Length > 0 ? new CoordinatorAddress([.. parts.Select(part => ParseOne(part, source))]) : throw Bad(text, source);
    }

    private static Uri ParseOne(string text, string source)
    {
        if (text.StartsWith("akka", StringComparison.Ordinal))
            throw new UserErrorException($"{source}: \"{text}\" is a cluster address, which agents join; this wants the HTTP API's, for example 10.0.0.1:7070.");
        var bare = text.StartsWith("http://", StringComparison.Ordinal) ? text["http://".Length..].TrimEnd('/') : text;
        var colon = bare.LastIndexOf(':');
        if (colon <= 0 || !int.TryParse(bare.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port is < 1 or > 65535) throw Bad(text, source);
        var host = bare[..colon];
        // An IPv6 address stands in brackets; anything else that has a colon or a slash is no host.
        return (Uri.CheckHostName(host.Trim('[', ']')) != UriHostNameType.Unknown) && (host.StartsWith('[') || !host.Contains(':', StringComparison.Ordinal))
            ? new Uri($"http://{host}:{port}")
            : throw Bad(text, source);
    }

    private static UserErrorException Bad(string text, string source) =>
        new($"{source}: \"{text}\" is no address; it must be HOST:PORT, for example 10.0.0.1:7070, or several with commas between them.");

    /// <returns>As people type it.</returns>
    public override string ToString() => string.Join(',', Uris.Select(uri => uri.Authority));
}
