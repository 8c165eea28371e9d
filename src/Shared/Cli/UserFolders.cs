namespace Volley.Shared.Cli;

/// <summary>Where a person's files go when nothing is said. XDG base directories.</summary>
public static class UserFolders
{
    /// <summary>Downloads and prepared data sets, for every verb: <c>$XDG_CACHE_HOME/volley/data</c>, or <c>~/.cache/volley/data</c>. All of it can be made again.</summary>
    public static string DataRoot() => Path.Combine(
        Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } cache && Path.IsPathRooted(cache)
            ? cache
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"),
        "volley", "data");
}
