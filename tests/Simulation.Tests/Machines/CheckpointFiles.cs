using Volley.Shared.Messages;

namespace Volley.Simulation.Tests.Machines;

/// <param name="Sha">Of what was written; a damaged one no longer has it.</param>
internal sealed record CheckpointFile(long Step, int Epoch, ulong Weights, string Sha, bool IsDamaged);

/// <summary>Files that outlive every process: on the storage that all machines see (absolute roots), or under each agent's own root (relative ones, <c>store: node</c>).</summary>
internal sealed class CheckpointFiles
{
    private readonly Dictionary<string, CheckpointFile> _files = [];

    /// <summary>Nothing can be written: the disk is full, or the mount is gone.</summary>
    public bool IsFull { get; set; }

    public event Action<string>? Deleted;

    public IEnumerable<string> Paths => _files.Keys;

    public CheckpointFile? Find(string path) => _files.GetValueOrDefault(path);

    /// <returns>False: there was no room, and nothing is there.</returns>
    public bool Write(string path, CheckpointFile file)
    {
        if (IsFull) return false;
        _files[path] = file;
        return true;
    }

    public void Delete(string path)
    {
        if (_files.Remove(path)) Deleted?.Invoke(path);
    }

    public void Damage(string path) => _files[path] = _files[path] with { IsDamaged = true, Weights = 0 };

    public static string PathOf(Machine machine, string root, string relativePath) => root.StartsWith('/') ? $"{root}/{relativePath}" : $"{machine.Id}:{root}/{relativePath}";

    /// <summary>Without the machine it lies on.</summary>
    public static string Name(string path) => path[(path.IndexOf(':', StringComparison.Ordinal) + 1)..];

    /// <summary>What its hash says, here or fetched from an agent that has it and answers.</summary>
    public CheckpointFile? Get(Cluster cluster, Machine here, string root, CheckpointReference checkpoint)
    {
        if (Valid(here, root, checkpoint) is { } own) return own;
        foreach (var holder in checkpoint.Holders ?? [])
        {
            var there = cluster.Machines.FirstOrDefault(machine => holder.HttpAddress.Length > 0 && machine.Agent is { IsStopped: false } agent && agent.HttpAddress == holder.HttpAddress);
            if (there is null || there.IsCutOff || here.IsCutOff || Valid(there, root, checkpoint) is not { } file) continue;
            if (Write(PathOf(here, root, checkpoint.RelativePath), file)) return file;
        }
        return null;
    }

    private CheckpointFile? Valid(Machine machine, string root, CheckpointReference checkpoint) =>
        Find(PathOf(machine, root, checkpoint.RelativePath)) is { IsDamaged: false } file && file.Sha == checkpoint.ManifestSha256 ? file : null;
}
