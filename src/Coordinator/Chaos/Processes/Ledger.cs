using System.Text.Json;

namespace Volley.Coordinator.Chaos.Processes;

/// <summary>
/// What a run has made on this machine that does not end by itself: processes, network namespaces, links, mounts, folders. Written down
/// before (a process: right after) it is made, in a file that outlives the run, so that <see cref="Guard"/> can take it back however the run ends.
/// </summary>
internal sealed class Ledger : IDisposable
{
    private readonly Lock _lock = new();
    private readonly StreamWriter _writer;

    public Ledger(string path)
    {
        Path = path;
        _writer = new StreamWriter(new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read)) { AutoFlush = true };
    }

    public string Path { get; }

    public void Add(Entry entry)
    {
        lock (_lock) _writer.WriteLine(JsonSerializer.Serialize(entry));
    }

    public void Dispose() => _writer.Dispose();

    /// <summary>Takes back everything that is written down and still there, the newest first. Doing it twice does no harm.</summary>
    /// <returns>What could not be taken back.</returns>
    public static IReadOnlyList<string> Undo(string path)
    {
        var problems = new List<string>();
        // Processes first: what they hold open or live in goes easily then.
        var entries = Read(path);
        foreach (var process in entries.Select(entry => entry.Process).OfType<ProcessMark>()) process.Signal(ProcessMark.SigKill);
        foreach (var process in entries.Select(entry => entry.Process).OfType<ProcessMark>())
            if (!HasEnded(process)) problems.Add($"process {process.Pid} does not end");
        foreach (var entry in Enumerable.Reverse(entries))
            if (TakeBack(entry) is { } problem) problems.Add(problem);
        return problems;
    }

    private static bool HasEnded(ProcessMark process)
    {
        var patience = TimeSpan.FromSeconds(10);
        return SpinWait.SpinUntil(() => !process.IsAlive, patience);
    }

    private static string? TakeBack(Entry entry)
    {
        try
        {
            switch (entry)
            {
                case { Mount: { } mount } when Mounts.IsMounted(mount): return ProblemOf(SystemTool.Run("umount", "--lazy", mount));
                case { Namespace: { } name } when File.Exists($"/run/netns/{name}"): return ProblemOf(SystemTool.Run("ip", "netns", "delete", name));
                case { Link: { } link } when Directory.Exists($"/sys/class/net/{link}"): return ProblemOf(SystemTool.Run("ip", "link", "delete", link));
                case { Folder: { } folder } when Directory.Exists(folder): Directory.Delete(folder, recursive: true); return null;
                default: return null;
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return error.Message;
        }
    }

    private static string? ProblemOf(SystemTool.Answer answer) => answer.Code == 0 ? null : answer.Says;

    private static List<Entry> Read(string path)
    {
        using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));
        var entries = new List<Entry>();
        while (reader.ReadLine() is { } line)
        {
            try
            {
                if (JsonSerializer.Deserialize<Entry>(line) is { } entry) entries.Add(entry);
            }
            catch (JsonException)
            {
                // The run was killed while it wrote this line: what it announces was not made.
            }
        }
        return entries;
    }

    /// <summary>One of these.</summary>
    internal sealed record Entry(ProcessMark? Process = null, string? Namespace = null, string? Link = null, string? Mount = null, string? Folder = null);
}
