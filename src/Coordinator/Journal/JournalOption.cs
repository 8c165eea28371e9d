using Npgsql;
using Volley.Shared;

namespace Volley.Coordinator.Journal;

/// <summary>What <c>--journal</c> may be: <c>sqlite</c>, or <c>postgres://USER[:PASSWORD]@HOST[:PORT]/DATABASE</c>.</summary>
internal static class JournalOption
{
    public const string Sqlite = "sqlite";

    private const string Form = "sqlite, or postgres://USER[:PASSWORD]@HOST[:PORT]/DATABASE (the password may stand in PGPASSWORD instead)";

    /// <param name="directory">For the embedded file.</param>
    /// <param name="password">Of <c>PGPASSWORD</c>; the URL's wins.</param>
    /// <exception cref="UserErrorException">Neither. The message repeats nothing that may be a password.</exception>
    public static IJournalStore Parse(string text, string directory, string? password)
    {
        if (text == Sqlite) return new SqliteJournal(directory);
        if (!text.StartsWith("postgres://", StringComparison.Ordinal) && !text.StartsWith("postgresql://", StringComparison.Ordinal))
            throw new UserErrorException($"--journal: is \"{(text.Contains("://", StringComparison.Ordinal) ? text[..text.IndexOf(':', StringComparison.Ordinal)] + "://…" : text)}\", must be {Form}.");
        if (!Uri.TryCreate(text, UriKind.Absolute, out var url) || url.Host.Length == 0 || url.AbsolutePath.Length < 2 || url.UserInfo.Length == 0 || url.AbsolutePath.IndexOf('/', 1) > 0)
            throw new UserErrorException($"--journal: the PostgreSQL address must be {Form}; special characters in it are percent-encoded.");
        var colon = url.UserInfo.IndexOf(':', StringComparison.Ordinal);
        var user = Uri.UnescapeDataString(colon < 0 ? url.UserInfo : url.UserInfo[..colon]);
        var settings = new NpgsqlConnectionStringBuilder
        {
            Host = url.Host.Trim('[', ']'),
            Port = url.Port > 0 ? url.Port : NpgsqlConnection.DefaultPort,
            Database = Uri.UnescapeDataString(url.AbsolutePath[1..]),
            Username = user,
            Password = colon < 0 ? password : Uri.UnescapeDataString(url.UserInfo[(colon + 1)..]),
        };
        foreach (var pair in url.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = pair.IndexOf('=', StringComparison.Ordinal);
            var key = equals < 0 ? pair : pair[..equals];
            if (key != "sslmode" || !Enum.TryParse<SslMode>(pair[(equals + 1)..].Replace("-", "", StringComparison.Ordinal), ignoreCase: true, out var mode))
                throw new UserErrorException($"--journal: \"{pair}\" is not understood after the database; only sslmode=disable|allow|prefer|require|verify-ca|verify-full may stand there.");
            settings.SslMode = mode;
        }
        return new PostgresJournal(settings);
    }
}
