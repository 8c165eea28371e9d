namespace Volley.GpuNode.Data;

/// <summary>Where prepared data sets and downloads are kept when nobody says otherwise.</summary>
public static class DataRoot
{
    /// <summary><c>$XDG_CACHE_HOME/volley/data</c>, else <c>~/.cache/volley/data</c>: all of it can be made again.</summary>
    public static string Default(string? xdgCacheHome, string home) =>
        Path.Combine(string.IsNullOrEmpty(xdgCacheHome) || !Path.IsPathRooted(xdgCacheHome) ? Path.Combine(home, ".cache") : xdgCacheHome, "volley", "data");

    /// <summary>The same, from this process's environment. For the edge: verbs.</summary>
    public static string OfThisProcess() =>
        Default(Environment.GetEnvironmentVariable("XDG_CACHE_HOME"), Environment.GetFolderPath(Environment.SpecialFolder.UserProfile));
}
