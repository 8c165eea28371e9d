using System.Security.Cryptography;
using Volley.GpuNode.Training;
using Volley.Models.Safetensors;
using Volley.Shared;
using Volley.Shared.Checkpoints;
using Volley.Shared.Failpoints;

namespace Volley.GpuNode.Checkpointing;

/// <summary>The checkpoints of one trial under one directory. Writing: temporary directory, each file and the directory fsynced, manifest last, rename, fsync the parent.</summary>
public sealed class CheckpointStore
{
    public CheckpointStore(string root)
    {
        Root = Path.GetFullPath(root);
        try
        {
            Directory.CreateDirectory(Root);
        }
        catch (Exception wrong) when (wrong is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{Root}: cannot be made a checkpoint directory ({wrong.Message}). Choose another place.", wrong);
        }
    }

    public string Root { get; }

    /// <summary>Removes what a crash left half-written. Call before the first write of a run; nobody reads such a directory.</summary>
    /// <returns>How many there were.</returns>
    public int DeleteLeftovers()
    {
        var leftovers = Directory.EnumerateDirectories(Root, "*" + CheckpointName.TemporarySuffix)
            .Where(path => CheckpointName.TryParse(Path.GetFileNameWithoutExtension(path)) is not null).ToArray();
        foreach (var path in leftovers) Directory.Delete(path, recursive: true);
        return leftovers.Length;
    }

    /// <returns>Names of directories that have a manifest, newest first. Their contents are not checked here.</returns>
    public IReadOnlyList<CheckpointName> Complete() =>
    [
        .. Directory.EnumerateDirectories(Root)
            .Where(path => File.Exists(Path.Combine(path, CheckpointManifest.FileName)))
            .Select(path => CheckpointName.TryParse(Path.GetFileName(path))).OfType<CheckpointName>().OrderDescending(),
    ];

    public string PathOf(CheckpointName name) => Path.Combine(Root, name.ToString());

    /// <exception cref="CheckpointWriteException">The disk refused; nothing of the attempt is left, older checkpoints are untouched.</exception>
    public WrittenCheckpoint Write(CheckpointContent content)
    {
        var name = new CheckpointName(content.Step, content.Attempt);
        var temporary = Path.Combine(Root, name.Temporary);
        try
        {
            Failpoint.Hit(FailpointNames.CheckpointBeforeWrite);
            // Not made again: a folder that is gone is a disk that was taken away, and what is under its mount point is another disk.
            if (!Directory.Exists(Root)) throw new DirectoryNotFoundException($"the folder {Root} is gone");
            if (Directory.Exists(temporary)) Directory.Delete(temporary, recursive: true);
            Directory.CreateDirectory(temporary);
            var files = new List<CheckpointFile>();
            foreach (var (file, tensors) in content.Tensors.OrderBy(t => t.Key, StringComparer.Ordinal))
                files.Add(DurableFiles.Write(Path.Combine(temporary, file), stream => SafetensorsWriter.Write(stream, tensors)));
            files.Add(DurableFiles.Write(Path.Combine(temporary, CheckpointFiles.State), stream => stream.Write(content.State)));
            var manifest = new CheckpointManifest(content.Step, content.Attempt, content.Epoch, content.StepInEpoch, content.ObjectiveValue, [.. files]);
            var manifestJson = manifest.ToJson();
            Failpoint.Hit(FailpointNames.CheckpointBeforeManifest);
            DurableFiles.Write(Path.Combine(temporary, CheckpointManifest.FileName), stream => stream.Write(manifestJson));
            DurableFiles.SyncDirectory(temporary);
            Failpoint.Hit(FailpointNames.CheckpointBeforeRename);
            Directory.Move(temporary, PathOf(name));
            DurableFiles.SyncDirectory(Root);
            Failpoint.Hit(FailpointNames.CheckpointAfterRename);
            return new WrittenCheckpoint(
                content.Attempt, content.Step, content.Epoch, name.ToString(), Convert.ToHexStringLower(SHA256.HashData(manifestJson)), content.ObjectiveValue,
                manifest.Bytes + manifestJson.Length);
        }
        catch (Exception wrong) when (wrong is IOException or UnauthorizedAccessException)
        {
            DeleteIfPossible(temporary);
            throw new CheckpointWriteException(PathOf(name), wrong);
        }
    }

    /// <summary>Deletes what <see cref="CheckpointRetention"/> does not need. For runs without a coordinator, whose journal would decide.</summary>
    public void Retire(int keepLast, int keepBest, bool maximize)
    {
        var manifests = new List<CheckpointManifest>();
        foreach (var name in Complete())
        {
            var path = Path.Combine(PathOf(name), CheckpointManifest.FileName);
            try
            {
                manifests.Add(CheckpointManifest.Parse(File.ReadAllBytes(path), path));
            }
            catch (UserErrorException)
            {
                // Damaged or foreign: not ours to judge, so not ours to delete.
            }
        }
        foreach (var superfluous in CheckpointRetention.Superfluous(manifests, keepLast, keepBest, maximize))
        {
            // The manifest first: a deletion cut short must not leave something that looks complete.
            File.Delete(Path.Combine(PathOf(superfluous.Name), CheckpointManifest.FileName));
            Directory.Delete(PathOf(superfluous.Name), recursive: true);
        }
    }

    private static void DeleteIfPossible(string directory)
    {
        try
        {
            if (Directory.Exists(directory)) Directory.Delete(directory, recursive: true);
        }
        catch (Exception wrong) when (wrong is IOException or UnauthorizedAccessException)
        {
            // The first error is the one to report; DeleteLeftovers will meet this directory again.
        }
    }
}
