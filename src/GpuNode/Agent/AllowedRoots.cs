using Volley.Shared.Messages;

namespace Volley.GpuNode.Agent;

/// <summary>Which directories the coordinator may name to this agent. A message from the network deletes nothing outside them.</summary>
/// <param name="checkpointRoot"><c>--checkpoint-root</c>; null: wherever this user may write (the local agent of <c>volley run</c>).</param>
internal sealed class AllowedRoots(string? checkpointRoot)
{
    private readonly string? _checkpointRoot = checkpointRoot is null ? null : Path.GetFullPath(checkpointRoot);

    /// <returns>What is wrong with the command's directories; null: nothing.</returns>
    public string? Problem(StartRank start)
    {
        if (!Path.IsPathFullyQualified(start.CheckpointRoot)) return $"The checkpoint root '{start.CheckpointRoot}' is not an absolute path.";
        if (!IsAllowed(start.CheckpointRoot)) return $"The checkpoint root {start.CheckpointRoot} is not under this agent's --checkpoint-root {_checkpointRoot}.";
        return start.ResumeFrom.FirstOrDefault(checkpoint => Inside(start.CheckpointRoot, checkpoint.RelativePath) is null) is { } outside
            ? $"The checkpoint '{outside.RelativePath}' is not inside {start.CheckpointRoot}."
            : null;
    }

    /// <returns>The directory to delete; null: the command names something that is no checkpoint of its root.</returns>
    public string? DirectoryOf(RetireCheckpoint command) =>
        Path.IsPathFullyQualified(command.CheckpointRoot) && IsAllowed(command.CheckpointRoot) ? Inside(command.CheckpointRoot, command.RelativePath) : null;

    private bool IsAllowed(string directory) => _checkpointRoot is null || IsBelow(_checkpointRoot, Path.GetFullPath(directory)) || Path.GetFullPath(directory) == _checkpointRoot;

    /// <returns>Absolute path strictly below <paramref name="root"/>, no part of it below the root a link; else null.</returns>
    private static string? Inside(string root, string relative)
    {
        if (relative.Length == 0 || Path.IsPathRooted(relative)) return null;
        var fullRoot = Path.GetFullPath(root);
        var full = Path.GetFullPath(Path.Combine(fullRoot, relative));
        if (!IsBelow(fullRoot, full)) return null;
        for (var part = full; part.Length > fullRoot.Length; part = Path.GetDirectoryName(part)!)
            if (new DirectoryInfo(part).LinkTarget is not null) return null;
        return full;
    }

    private static bool IsBelow(string root, string path) => path.StartsWith(Path.TrimEndingDirectorySeparator(root) + Path.DirectorySeparatorChar, StringComparison.Ordinal);
}
