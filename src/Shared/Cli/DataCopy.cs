namespace Volley.Shared.Cli;

/// <summary>What <c>--data-dir PATH</c> means in every verb that trains: <c>train.dataset.path</c>, relative to the working directory.</summary>
public static class DataCopy
{
    /// <param name="set">The verb's <c>--set</c> values; they come first, so <c>--data-dir</c> wins.</param>
    /// <param name="path">A folder, an archive or a packed file; null: none was named.</param>
    public static string[] Overrides(IReadOnlyList<string> set, string? path) =>
        // The value is YAML: quoted, so that no character of a path means anything.
        path is null ? [.. set] : [.. set, $"train.dataset.path='{Path.GetFullPath(path).Replace("'", "''", StringComparison.Ordinal)}'"];
}
