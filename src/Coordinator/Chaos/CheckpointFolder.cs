using System.Security.Cryptography;
using Volley.Coordinator.Sweeps;
using Volley.Shared;
using Volley.Shared.Checkpoints;

namespace Volley.Coordinator.Chaos;

/// <summary>The checkpoints of the sweep on disk: looked through, and damaged on purpose.</summary>
internal sealed class CheckpointFolder(ChaosClusterOptions options)
{
    /// <summary>Every byte as the manifest says, and the manifest as the journal does; on one node at least.</summary>
    public bool IsWhole(int trial, CommittedCheckpoint checkpoint) =>
        options.NodeNames.Select(options.CheckpointRootOf).Distinct().Any(root => IsWhole(PathOf(root, trial, checkpoint.RelativePath), checkpoint.ManifestSha256));

    private static bool IsWhole(string directory, string manifestSha256)
    {
        var path = Path.Combine(directory, CheckpointManifest.FileName);
        try
        {
            var manifest = File.ReadAllBytes(path);
            return Hash(manifest) == manifestSha256
                && CheckpointManifest.Parse(manifest, path).Files.All(file => Hash(File.ReadAllBytes(Path.Combine(directory, file.Name))) == file.Sha256);
        }
        catch (Exception error) when (error is IOException or UserErrorException)
        {
            return false;
        }
    }

    /// <summary>Changes one byte of one file, or cuts a file in half.</summary>
    /// <param name="node">Whose copy.</param>
    /// <param name="draw">Which file, and where in it.</param>
    /// <returns>What was done; null: the checkpoint is gone already.</returns>
    public string? Damage(string node, int trial, string checkpoint, ulong draw, bool isTruncation)
    {
        try
        {
            var files = Directory.GetFiles(PathOf(options.CheckpointRootOf(node), trial, checkpoint)).Order(StringComparer.Ordinal).ToList();
            if (files.Count == 0) return null;
            var path = files[(int)(draw % (ulong)files.Count)];
            using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            if (isTruncation)
            {
                file.SetLength(file.Length / 2);
                return $"{checkpoint}/{Path.GetFileName(path)} cut to {file.Length} bytes";
            }
            file.Position = (long)(draw / (ulong)files.Count % (ulong)file.Length);
            var old = file.ReadByte();
            file.Position--;
            file.WriteByte((byte)(old ^ 0x20));
            return $"{checkpoint}/{Path.GetFileName(path)} changed at byte {file.Position - 1}";
        }
        catch (Exception gone) when (gone is DirectoryNotFoundException or FileNotFoundException)
        {
            return null;
        }
    }

    private static string PathOf(string root, int trial, string checkpoint) => Path.Combine(root, ChaosSweep.Name, $"{trial:D4}", checkpoint);

    private static string Hash(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}
