using System.Text.Json;
using Volley.Shared.Messages;

namespace Volley.GpuNode.Agent;

/// <summary>
/// Which directories the coordinator may name to this agent, and what its relative ones mean. A message from the network reads, writes
/// and deletes nothing outside them: a sweep comes from whoever reaches the coordinator.
/// </summary>
/// <param name="checkpointRoot"><c>--checkpoint-root</c>; null: wherever this user may write, and absolute (the local agent of <c>volley run</c>).</param>
/// <param name="dataRoot"><c>--data-root</c>: prepared data, and the data sets that sweeps name by relative paths.</param>
internal sealed class AllowedRoots(string? checkpointRoot, string dataRoot)
{
    private readonly string? _checkpointRoot = checkpointRoot is null ? null : Path.GetFullPath(checkpointRoot);
    private readonly string _dataRoot = Path.GetFullPath(dataRoot);

    /// <summary>Null: the local agent, which takes the paths of the person at its terminal.</summary>
    public string? CheckpointRoot => _checkpointRoot;

    /// <returns>The command with every path absolute; or what is wrong with one of them.</returns>
    public (StartRank? Start, string? Problem) Resolve(StartRank start)
    {
        if (CheckpointDirectory(start.CheckpointRoot) is not { } checkpoints)
            return (null, _checkpointRoot is null
                ? $"The checkpoint root '{start.CheckpointRoot}' is not an absolute path."
                : $"The checkpoint root '{start.CheckpointRoot}' is not under this agent's --checkpoint-root {_checkpointRoot}, or leads out of it.");
        if (start.ResumeFrom.FirstOrDefault(checkpoint => Inside(checkpoints, checkpoint.RelativePath) is null) is { } outside)
            return (null, $"The checkpoint '{outside.RelativePath}' is not inside {checkpoints}.");
        if (_checkpointRoot is null) return (start, null);

        if (DataDirectory(start.DataRoot) is not { } data) return (null, NotData("data root", start.DataRoot));
        if (DataDirectory(start.BaseDirectory) is not { } baseDirectory) return (null, NotData("base directory", start.BaseDirectory));
        try
        {
            foreach (var (key, path) in DatasetPaths(start.SpecJson))
                if (!IsUnderDataRoot(path, baseDirectory)) return (null, NotData(key, path));
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            return (null, $"The specification of {start.Trial} cannot be read: {error.Message}");
        }
        return (start with { CheckpointRoot = checkpoints, DataRoot = data, BaseDirectory = baseDirectory }, null);
    }

    /// <returns>The directory to delete; null: the command names something that is no checkpoint of its root.</returns>
    public string? DirectoryOf(RetireCheckpoint command) => DirectoryOf(command.CheckpointRoot, command.RelativePath);

    /// <returns>A checkpoint's directory; null: it is none under this agent's roots.</returns>
    public string? DirectoryOf(string checkpointRoot, string relativePath) =>
        CheckpointDirectory(checkpointRoot) is { } root ? Inside(root, relativePath) : null;

    /// <returns>A trial's checkpoints; null: not under this agent's root.</returns>
    private string? CheckpointDirectory(string named)
    {
        if (_checkpointRoot is null) return Path.IsPathFullyQualified(named) ? named : null;
        if (!Path.IsPathRooted(named)) return Inside(_checkpointRoot, named);
        var full = Path.GetFullPath(named);
        if (HasParentSegment(named)) return null;
        return full == _checkpointRoot ? full : IsBelow(_checkpointRoot, full) ? Inside(_checkpointRoot, Path.GetRelativePath(_checkpointRoot, full)) : null;
    }

    /// <summary>Empty is the root itself.</summary>
    private string? DataDirectory(string named) =>
        named.Length == 0 ? _dataRoot : IsUnderDataRoot(named, _dataRoot) ? Path.GetFullPath(named, _dataRoot) : null;

    /// <summary>Links inside the root are the operator's; one that leads out of it is not followed.</summary>
    private bool IsUnderDataRoot(string named, string baseDirectory)
    {
        if (HasParentSegment(named)) return false;
        var (root, full) = (RealPaths.Of(_dataRoot), RealPaths.Of(Path.GetFullPath(named, baseDirectory)));
        return full == root || IsBelow(root, full);
    }

    private string NotData(string what, string path) =>
        $"{what}: '{path}' is not under this agent's --data-root {_dataRoot}, or leads out of it by '..' or a link. Sweeps that were submitted to a cluster name data relative to that folder.";

    /// <summary>What of a specification names files: read without the rest, which the rank judges.</summary>
    private static IEnumerable<(string Key, string Path)> DatasetPaths(string specJson)
    {
        using var spec = JsonDocument.Parse(specJson);
        if (!spec.RootElement.TryGetProperty("train", out var train) || !train.TryGetProperty("dataset", out var dataset)) yield break;
        foreach (var key in new[] { "path", "csv" })
            if (dataset.TryGetProperty(key, out var value) && value.GetString() is { Length: > 0 } path) yield return ($"train.dataset.{key}", path);
    }

    /// <returns>Absolute path strictly below <paramref name="root"/>, no part of it below the root a link; else null.</returns>
    private static string? Inside(string root, string relative)
    {
        if (relative.Length == 0 || Path.IsPathRooted(relative) || HasParentSegment(relative)) return null;
        var fullRoot = Path.GetFullPath(root);
        var full = Path.GetFullPath(Path.Combine(fullRoot, relative));
        if (!IsBelow(fullRoot, full)) return null;
        for (var part = full; part.Length > fullRoot.Length; part = Path.GetDirectoryName(part)!)
            if (new DirectoryInfo(part).LinkTarget is not null) return null;
        return full;
    }

    private static bool HasParentSegment(string path) => path.Split('/', '\\').Contains("..");

    private static bool IsBelow(string root, string path) => path.StartsWith(Path.TrimEndingDirectorySeparator(root) + Path.DirectorySeparatorChar, StringComparison.Ordinal);
}
