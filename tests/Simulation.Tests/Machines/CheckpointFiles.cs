using Volley.Shared.Messages;

namespace Volley.Simulation.Tests.Machines;

/// <param name="Sha">Of what was written; a damaged one no longer has it.</param>
internal sealed record CheckpointFile(long Step, int Epoch, ulong Weights, string Sha, bool IsDamaged);

/// <summary>The storage that all machines see: files by absolute path. It outlives every process.</summary>
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

    /// <summary>The newest of those named that is what its hash says; null: none is, and training starts again.</summary>
    public CheckpointFile? NewestValid(string root, IEnumerable<CheckpointReference> candidates) =>
        candidates.Select(candidate => Find($"{root}/{candidate.RelativePath}") is { IsDamaged: false } file && file.Sha == candidate.ManifestSha256 ? file : null).FirstOrDefault(file => file is not null);
}
