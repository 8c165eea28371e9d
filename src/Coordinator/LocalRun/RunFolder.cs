using System.Security.Cryptography;
using System.Text;
using Volley.Shared;

namespace Volley.Coordinator.LocalRun;

/// <summary>The <c>--out</c> folder of a run: journal, checkpoints, logs, results. Locked while a run works on it.</summary>
internal sealed class RunFolder : IDisposable
{
    // A socket's path may have 107 bytes; below the folder come the agent's name and the socket's.
    private const int LongestRunDirectory = 80;

    private readonly FileStream _lock;

    private RunFolder(string path, FileStream held) => (Path, _lock) = (path, held);

    public string Path { get; }

    public string Journal => In("journal");

    public string Checkpoints => In("checkpoints");

    public string Logs => In("logs");

    /// <summary>Where the local agent keeps its socket; the same for the same folder, so that it finds what a killed one left behind.</summary>
    public string AgentDirectory
    {
        get
        {
            var near = In("agent");
            if (Encoding.UTF8.GetByteCount(near) <= LongestRunDirectory) return near;
            var name = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Path)))[..16];
            return System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"volley-{Environment.UserName}-{name}");
        }
    }

    public string In(string name) => System.IO.Path.Combine(Path, name);

    /// <exception cref="UserErrorException">It cannot be written, or another run works on it.</exception>
    public static RunFolder Open(string path)
    {
        var full = System.IO.Path.GetFullPath(path);
        var lockFile = System.IO.Path.Combine(full, "run.lock");
        try
        {
            Directory.CreateDirectory(full);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"--out {path}: cannot be made: {error.Message}", error);
        }
        try
        {
            var held = new FileStream(lockFile, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            held.SetLength(0);
            held.Write(Encoding.ASCII.GetBytes($"{Environment.ProcessId}\n"));
            held.Flush();
            return new RunFolder(full, held);
        }
        catch (UnauthorizedAccessException error)
        {
            throw new UserErrorException($"--out {path}: cannot be written: {error.Message}", error);
        }
        catch (IOException error)
        {
            throw new UserErrorException($"--out {path}: another `volley run` works on it now (it holds {lockFile}). Wait for it, or give this one another --out.", error);
        }
    }

    public void Dispose()
    {
        // The file stays: deleting it would let two runs lock two different files of one name.
        _lock.Dispose();
    }
}
