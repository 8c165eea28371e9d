using System.IO.MemoryMappedFiles;

namespace Volley.GpuNode.Link;

/// <summary>
/// The step a rank began at and the last one it completed, in 16 bytes of a file that agent and rank have mapped: what a SIGKILL leaves
/// behind, so that nobody has to guess how many steps its successor repeats. Writing costs nanoseconds; nothing is synced, nothing is read after a reboot.
/// </summary>
internal sealed class StepRecord : IDisposable
{
    private const int StartOffset = 0;
    private const int LastOffset = sizeof(long);
    private const int Bytes = 2 * sizeof(long);
    private const long Unknown = -1;

    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;

    private StepRecord(FileStream file)
    {
        _file = MemoryMappedFile.CreateFromFile(file, null, Bytes, MemoryMappedFileAccess.ReadWrite, HandleInheritability.None, leaveOpen: false);
        _view = _file.CreateViewAccessor(0, Bytes, MemoryMappedFileAccess.ReadWrite);
    }

    /// <summary>For the agent, before the rank starts.</summary>
    public static StepRecord Create(string path)
    {
        var record = new StepRecord(new FileStream(path, FileMode.Create, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete));
        record.Set(StartOffset, Unknown);
        record.Set(LastOffset, Unknown);
        return record;
    }

    /// <summary>For the rank.</summary>
    public static StepRecord Open(string path) => new(new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete));

    /// <summary>Completed steps it began with; null: it never got so far.</summary>
    public long? Start => Get(StartOffset);

    /// <summary>Completed steps now.</summary>
    public long? Last => Get(LastOffset);

    public void Begin(long step)
    {
        Set(LastOffset, step);
        Set(StartOffset, step);
    }

    public void Complete(long step) => Set(LastOffset, step);

    public void Dispose()
    {
        _view.Dispose();
        _file.Dispose();
    }

    private long? Get(int offset) => _view.ReadInt64(offset) is >= 0 and var step ? step : null;

    private void Set(int offset, long value) => _view.Write(offset, value);
}
