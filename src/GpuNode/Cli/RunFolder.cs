using Volley.GpuNode.Checkpointing;
using Volley.Shared;
using Volley.Shared.Checkpoints;

namespace Volley.GpuNode.Cli;

/// <summary>What <c>train</c> writes under <c>--out</c>: <c>checkpoints/</c> and <c>result.json</c>.</summary>
/// <param name="ResumeFrom">Newest first; empty: from the beginning.</param>
/// <param name="Attempt">One more than any before in this folder.</param>
internal sealed record RunFolder(string Root, string CheckpointRoot, IReadOnlyList<ResumeSource> ResumeFrom, int Attempt)
{
    private const string CheckpointsName = "checkpoints";

    public string ResultPath => Path.Combine(Root, "result.json");

    /// <summary>Held while a run works here: a second one would delete what the first has half-written.</summary>
    public FileStream Lock()
    {
        Directory.CreateDirectory(Root);
        try
        {
            return new FileStream(Path.Combine(Root, ".lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);   // it stays: deleting it would let two hold locks of one name
        }
        catch (Exception wrong) when (wrong is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{Root}: another run works there, or it cannot be written to ({wrong.Message}). Wait for it, or choose another --out.", wrong);
        }
    }

    /// <exception cref="UserErrorException">The folder already holds a run's checkpoints, and nobody asked to go on with it.</exception>
    public static RunFolder ForNewRun(string root)
    {
        var checkpoints = Path.Combine(Path.GetFullPath(root), CheckpointsName);
        if (Directory.Exists(checkpoints) && new CheckpointStore(checkpoints).Complete().Count > 0)
            throw new UserErrorException($"{root}: already holds the checkpoints of a run. Go on with it (--resume {root}), or choose another --out.");
        return new RunFolder(Path.GetFullPath(root), checkpoints, [], 1);
    }

    /// <param name="resume">A run's folder, its checkpoints folder, or one checkpoint.</param>
    /// <param name="root">null: the folder that the checkpoint is in.</param>
    public static RunFolder ToResume(string resume, string? root)
    {
        var path = Path.GetFullPath(resume);
        if (Directory.Exists(Path.Combine(path, CheckpointsName))) path = Path.Combine(path, CheckpointsName);
        var candidates = CheckpointReader.Candidates(path);
        var isOne = CheckpointName.TryParse(Path.GetFileName(Path.TrimEndingDirectorySeparator(path))) is not null;
        var checkpoints = isOne ? Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(path))! : path;
        var before = Path.GetFileName(checkpoints) == CheckpointsName ? Path.GetDirectoryName(checkpoints)! : checkpoints;
        if (root is null) return new RunFolder(before, checkpoints, candidates, NextAttempt(checkpoints));
        var elsewhere = Path.Combine(Path.GetFullPath(root), CheckpointsName);
        return new RunFolder(Path.GetFullPath(root), elsewhere, candidates, Math.Max(NextAttempt(checkpoints), Directory.Exists(elsewhere) ? NextAttempt(elsewhere) : 1));
    }

    private static int NextAttempt(string checkpoints) =>
        new CheckpointStore(checkpoints).Complete().Select(name => name.Attempt).DefaultIfEmpty(0).Max() + 1;
}
