namespace Volley.GpuNode.Data.Packed;

/// <summary>A lock between processes. The operating system gives it back when its holder dies.</summary>
/// <remarks>The lock file stays: deleting it would let a third process lock a new file of that name while a second holds the old one.</remarks>
internal static class FileLock
{
    private const int WouldBlock = 11; // EWOULDBLOCK on Linux

    // flock has no wait that can be cancelled, so it is asked again; preparing takes seconds, asking a microsecond.
    private static readonly TimeSpan AskAgain = TimeSpan.FromMilliseconds(50);

    public static IDisposable Take(string path, CancellationToken stop)
    {
        while (true)
        {
            stop.ThrowIfCancellationRequested();
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException busy) when (busy.HResult == WouldBlock)
            {
                stop.WaitHandle.WaitOne(AskAgain);
            }
        }
    }
}
