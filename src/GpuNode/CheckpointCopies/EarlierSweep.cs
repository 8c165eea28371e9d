using Volley.Shared.Messages;

namespace Volley.GpuNode.CheckpointCopies;

/// <summary>
/// A trial that begins has no checkpoints. What lies in its folder all the same is of another journal's sweep of that name (a coordinator that
/// was set up anew): moved aside, because its names would meet those of this sweep, and kept, because it is somebody's work.
/// </summary>
internal static class EarlierSweep
{
    /// <param name="start">With absolute paths.</param>
    /// <returns>Where it is now; null: there was nothing.</returns>
    public static string? MoveAside(StartRank start, DateTimeOffset now)
    {
        if (start is not { Attempt: 1, Rank: 0, ResumeFrom.IsEmpty: true } || !Directory.Exists(start.CheckpointRoot)) return null;
        if (!Directory.EnumerateFileSystemEntries(start.CheckpointRoot).Any()) return null;
        var aside = $"{start.CheckpointRoot}.before-{now.ToUnixTimeMilliseconds()}";
        Directory.Move(start.CheckpointRoot, aside);
        return aside;
    }
}
