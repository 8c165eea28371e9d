using System.Text.Json;
using Volley.GpuNode.Link;
using Volley.GpuNode.Processes;
using Volley.Shared;

namespace Volley.GpuNode.Agent;

/// <summary>
/// An agent's private directory: a lock (one agent per name), the socket, and one record per living rank, so that the next agent of
/// that name can end what a killed one left behind. Nothing in it outlives the need for it; checkpoints are elsewhere.
/// </summary>
internal sealed class RunDirectory : IDisposable
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private static readonly TimeSpan LockPeriod = TimeSpan.FromMilliseconds(50);

    private readonly FileStream _lock;
    private readonly string _ranks;
    private readonly string _steps;
    private readonly bool _ownsRoot;

    private RunDirectory(string path, FileStream heldLock, bool ownsRoot)
    {
        (Path, _lock) = (path, heldLock);
        // Kept on disk, so that the successor of a killed agent clears the root away too.
        var made = System.IO.Path.Combine(path, "made-root");
        if (ownsRoot) File.WriteAllText(made, "");
        _ownsRoot = File.Exists(made);
        SocketPath = Link.SocketPath.In(path);
        _ranks = System.IO.Path.Combine(path, "ranks");
        Directory.CreateDirectory(_ranks);
        _steps = System.IO.Path.Combine(path, "steps");
        if (Directory.Exists(_steps)) Directory.Delete(_steps, recursive: true);   // of an earlier agent's ranks
        Directory.CreateDirectory(_steps);
    }

    public string Path { get; }

    public string SocketPath { get; }

    /// <param name="root"><c>--run-dir</c>.</param>
    /// <param name="node">Name of the agent: its directory under <paramref name="root"/>.</param>
    /// <exception cref="UserErrorException">Too long, not writable, not ours, or in use.</exception>
    public static RunDirectory Open(string root, string node)
    {
        var path = System.IO.Path.Combine(System.IO.Path.GetFullPath(root), node);
        _ = Link.SocketPath.In(path);   // before anything is made
        var ownsRoot = !Directory.Exists(root);
        try
        {
            Directory.CreateDirectory(path, OwnerOnly);
            File.SetUnixFileMode(path, OwnerOnly);   // it may have been there with another mode; refused where it is somebody else's
            var heldLock = new FileStream(System.IO.Path.Combine(path, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            return new RunDirectory(path, heldLock, ownsRoot);
        }
        catch (UnauthorizedAccessException error)
        {
            throw new UserErrorException($"--run-dir {root}: {path} cannot be used: {error.Message} It must belong to the user who runs the agent.", error);
        }
        catch (IOException error) when (File.Exists(System.IO.Path.Combine(path, "lock")))
        {
            throw new UserErrorException($"An agent named {node} runs on this machine already (it holds {path}/lock). Give this one another --name, or stop that one.", error);
        }
        catch (IOException error)
        {
            throw new UserErrorException($"--run-dir {root}: {path} cannot be made: {error.Message}", error);
        }
    }

    /// <summary>
    /// The same, but waits for a predecessor that is about to end: of two runs in a row, the first one's agent learns of its parent's
    /// death in the moment in which the second starts its own.
    /// </summary>
    public static async Task<RunDirectory> OpenAsync(string root, string node, TimeSpan patience, TimeProvider time)
    {
        var started = time.GetTimestamp();
        using var ticks = new PeriodicTimer(LockPeriod, time);
        while (true)
        {
            try { return Open(root, node); }
            catch (UserErrorException) when (time.GetElapsedTime(started) < patience && File.Exists(System.IO.Path.Combine(root, node, "lock"))) { }
            await ticks.WaitForNextTickAsync();
        }
    }

    /// <summary>Kills what a killed agent of this name left, each proven by its start time to be that rank and no other process.</summary>
    /// <returns>How many were still alive.</returns>
    public int EndOrphans(Action<string> log)
    {
        var ended = 0;
        foreach (var file in Directory.EnumerateFiles(_ranks))
        {
            if (Read(file) is { IsAlive: true } orphan && Posix.Signal(orphan.Pid, Posix.SigKill))
            {
                log($"ended process {orphan.Pid}, a rank that an earlier agent of this name left behind ({System.IO.Path.GetFileNameWithoutExtension(file)})");
                ended++;
            }
            File.Delete(file);
        }
        return ended;
    }

    /// <summary>Where a rank keeps its <see cref="StepRecord"/>.</summary>
    public string StepFileOf(RankKey key) => System.IO.Path.Combine(_steps, FileNameOf(key));

    /// <returns>Disposed when the process is confirmed dead.</returns>
    public IDisposable Record(RankKey key, ProcessIdentity process)
    {
        var path = System.IO.Path.Combine(_ranks, $"{FileNameOf(key)}.json");
        File.WriteAllText(path, JsonSerializer.Serialize(process));
        return new Removal(path);
    }

    public void Dispose()
    {
        _lock.Dispose();
        // Whoever took the lock in this moment makes what it needs again; nothing of value is in here.
        try { Directory.Delete(Path, recursive: true); }
        catch (IOException) { return; }
        // The root only where this agent made it and no other is in it.
        if (_ownsRoot && System.IO.Path.GetDirectoryName(Path) is { } root && !Directory.EnumerateFileSystemEntries(root).Any()) Directory.Delete(root);
    }

    private static string FileNameOf(RankKey key) => $"{key.Trial.Sweep}.{key.Trial.Number}.a{key.Attempt}.r{key.Rank}";

    private static ProcessIdentity? Read(string file)
    {
        try
        {
            return JsonSerializer.Deserialize<ProcessIdentity>(File.ReadAllText(file));
        }
        catch (JsonException)
        {
            return null;   // the agent died while it wrote this: the rank, which found no agent, has ended itself
        }
    }

    private sealed class Removal(string path) : IDisposable
    {
        public void Dispose() => File.Delete(path);
    }
}
