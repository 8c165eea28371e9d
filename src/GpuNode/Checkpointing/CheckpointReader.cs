using System.Security.Cryptography;
using Volley.Models.Safetensors;
using Volley.Shared;
using Volley.Shared.Checkpoints;

namespace Volley.GpuNode.Checkpointing;

/// <summary>A checkpoint whose every byte was compared with its manifest. Tensors are still on disk.</summary>
public sealed class OpenedCheckpoint : IDisposable
{
    private readonly Dictionary<string, SafetensorsFile> _tensors;

    internal OpenedCheckpoint(string directory, CheckpointManifest manifest, string manifestSha256, byte[] state, Dictionary<string, SafetensorsFile> tensors)
    {
        Directory = directory;
        Manifest = manifest;
        ManifestSha256 = manifestSha256;
        State = state;
        _tensors = tensors;
    }

    public string Directory { get; }

    public CheckpointManifest Manifest { get; }

    public string ManifestSha256 { get; }

    /// <summary>The bytes of state.json.</summary>
    public byte[] State { get; }

    public string StatePath => Path.Combine(Directory, CheckpointFiles.State);

    /// <returns>null where the checkpoint has no such file.</returns>
    public SafetensorsFile? Tensors(string fileName) => _tensors.GetValueOrDefault(fileName);

    public void Dispose()
    {
        foreach (var file in _tensors.Values) file.Dispose();
    }
}

/// <summary>Opens checkpoints, refusing every one that is not byte for byte what its writer promised.</summary>
public static class CheckpointReader
{
    /// <param name="directory">One <c>&lt;step&gt;.a&lt;attempt&gt;</c> directory.</param>
    /// <param name="manifestSha256">What the journal says; null: whatever is there.</param>
    /// <exception cref="UserErrorException">Missing, unfinished, damaged, foreign, or of another version.</exception>
    public static OpenedCheckpoint Open(string directory, string? manifestSha256 = null)
    {
        var (manifest, found) = Verify(directory, manifestSha256);
        var manifestPath = Path.Combine(directory, CheckpointManifest.FileName);
        foreach (var needed in new[] { CheckpointFiles.Model, CheckpointFiles.Optimizer, CheckpointFiles.State })
        {
            if (!manifest.Files.Any(file => file.Name == needed))
                throw new UserErrorException($"{manifestPath}: lists no {needed}, which every checkpoint has. It is damaged or foreign; use another one.");
        }
        var tensors = new Dictionary<string, SafetensorsFile>(StringComparer.Ordinal);
        try
        {
            foreach (var file in manifest.Files.Where(file => file.Name.EndsWith(".safetensors", StringComparison.Ordinal)))
                tensors.Add(file.Name, SafetensorsFile.Open(Path.Combine(directory, file.Name)));
            return new OpenedCheckpoint(directory, manifest, found, ReadAll(Path.Combine(directory, CheckpointFiles.State), directory), tensors);
        }
        catch
        {
            foreach (var file in tensors.Values) file.Dispose();
            throw;
        }
    }

    /// <summary>Compares every byte with the manifest, and the manifest with the journal.</summary>
    /// <returns>The manifest, and its SHA-256.</returns>
    /// <exception cref="UserErrorException">Missing, unfinished, damaged or foreign.</exception>
    public static (CheckpointManifest Manifest, string Sha256) Verify(string directory, string? manifestSha256)
    {
        var manifestPath = Path.Combine(directory, CheckpointManifest.FileName);
        var manifestJson = ReadAll(manifestPath, directory);
        var found = Convert.ToHexStringLower(SHA256.HashData(manifestJson));
        if (manifestSha256 is not null && found != manifestSha256)
            throw new UserErrorException($"{manifestPath}: has SHA-256 {found}, the journal says {manifestSha256}. It is not the checkpoint that was committed; use another one.");
        var manifest = CheckpointManifest.Parse(manifestJson, manifestPath);
        foreach (var file in manifest.Files) Verify(Path.Combine(directory, file.Name), file);
        return (manifest, found);
    }

    /// <summary>The first of <paramref name="candidates"/> that is whole; each damaged one before it is told to <paramref name="log"/>.</summary>
    /// <param name="candidates">Newest first, with the hash the journal has, where there is a journal.</param>
    /// <exception cref="UserErrorException">None is whole.</exception>
    public static OpenedCheckpoint OpenNewestValid(IReadOnlyList<ResumeSource> candidates, Action<string> log)
    {
        var problems = new List<string>();
        foreach (var candidate in candidates)
        {
            try
            {
                return Open(candidate.Directory, candidate.ManifestSha256);
            }
            catch (UserErrorException wrong)
            {
                problems.Add(wrong.Message);
                if (problems.Count < candidates.Count) log($"{wrong.Message} Falling back to the one before it.");
            }
        }
        throw candidates.Count switch
        {
            0 => new ArgumentException("no checkpoint to open"),
            1 => new UserErrorException(problems[0]),
            _ => new UserErrorException($"None of {candidates.Count} checkpoints can be used:\n{string.Join('\n', problems)}"),
        };
    }

    /// <param name="path">A checkpoint, or a directory of them (newest first).</param>
    /// <exception cref="UserErrorException">There is no checkpoint.</exception>
    public static IReadOnlyList<ResumeSource> Candidates(string path)
    {
        if (File.Exists(Path.Combine(path, CheckpointManifest.FileName))) return [new ResumeSource(path, null)];
        if (!Directory.Exists(path)) throw new UserErrorException($"{path}: there is no such directory; name a checkpoint or the directory that holds a run's checkpoints.");
        var store = new CheckpointStore(path);
        var names = store.Complete();
        if (names.Count == 0)
            throw new UserErrorException($"{path}: holds no complete checkpoint (directories such as 1200.a1 with a {CheckpointManifest.FileName}).");
        return [.. names.Select(name => new ResumeSource(store.PathOf(name), null))];
    }

    private static void Verify(string path, CheckpointFile expected)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            if (stream.Length != expected.Bytes)
                throw new UserErrorException($"{path}: has {stream.Length} bytes, its manifest says {expected.Bytes}. The checkpoint is damaged; use another one.");
            var hash = Convert.ToHexStringLower(SHA256.HashData(stream));
            if (hash != expected.Sha256)
                throw new UserErrorException($"{path}: has SHA-256 {hash}, its manifest says {expected.Sha256}. The checkpoint is damaged; use another one.");
        }
        catch (Exception wrong) when (wrong is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{path}: cannot be read ({wrong.Message}). The checkpoint is damaged; use another one.", wrong);
        }
    }

    private static byte[] ReadAll(string path, string directory)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception wrong) when (wrong is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{directory}: is no complete checkpoint: {Path.GetFileName(path)} cannot be read ({wrong.Message}).", wrong);
        }
    }
}

/// <summary>Where a run may start from.</summary>
/// <param name="Directory">Absolute path of one checkpoint.</param>
/// <param name="ManifestSha256">As journaled, lower-case hex; null where there is no journal.</param>
public sealed record ResumeSource(string Directory, string? ManifestSha256);
