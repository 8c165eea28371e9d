using Volley.GpuNode.Link;

namespace Volley.GpuNode.Serving;

/// <summary>
/// Copies a log as it grows. The file that is open stays open when the log is rotated under it, so nothing is skipped: its rest is read
/// first, then the new file from its beginning. Ends when the rank's process is dead and everything was read.
/// </summary>
internal sealed class LogFollower(RankLogFiles files, Func<RankKey, bool> isAlive, TimeProvider time)
{
    /// <summary>A person reads; training writes a few lines a second at most.</summary>
    private static readonly TimeSpan LookPeriod = TimeSpan.FromMilliseconds(200);

    /// <param name="follows">False: what is there now.</param>
    /// <param name="hopsToNewer">Go on with the next attempt where one runs here.</param>
    public async Task CopyAsync(RankKey key, bool follows, bool hopsToNewer, Stream output, CancellationToken stop)
    {
        while (true)
        {
            await CopyOneAsync(key, follows, output, stop);
            if (!follows || !hopsToNewer || files.NewestAttempt(key.Trial, key.Rank) is not { } newest || newest <= key.Attempt) return;
            key = key with { Attempt = newest };
        }
    }

    private async Task CopyOneAsync(RankKey key, bool follows, Stream output, CancellationToken stop)
    {
        var path = files.PathOf(key);
        var earlier = RankLogFiles.Earlier(path);
        var file = Open(File.Exists(earlier) ? earlier : path);
        using var ticks = new PeriodicTimer(LookPeriod, time);
        try
        {
            while (file is not null)
            {
                // Asked before reading: what a rank writes last is read after its death was seen.
                var wasAlive = isAlive(key);
                await file.CopyToAsync(output, stop);
                if (NextAfter(file, path) is { } nextPath)
                {
                    await file.CopyToAsync(output, stop);      // what came between the reading and the rotation
                    var next = Open(nextPath) ?? Open(path);
                    await file.DisposeAsync();
                    file = next;
                    continue;
                }
                if (!follows || !wasAlive) return;
                await output.FlushAsync(stop);
                await ticks.WaitForNextTickAsync(stop);
            }
        }
        finally
        {
            if (file is not null) await file.DisposeAsync();
        }
    }

    /// <summary>Linux names an open file by where it lies now.</summary>
    /// <returns>Which file follows it; null: it is the newest.</returns>
    private static string? NextAfter(FileStream file, string path)
    {
        var now = new FileInfo($"/proc/self/fd/{file.SafeFileHandle.DangerousGetHandle()}").LinkTarget ?? "";
        return now.EndsWith(RankLogFiles.EarlierSuffix, StringComparison.Ordinal) ? path
            : now.EndsWith(" (deleted)", StringComparison.Ordinal) ? RankLogFiles.Earlier(path)    // rotated twice since
            : null;
    }

    private static FileStream? Open(string path)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        }
        catch (FileNotFoundException)
        {
            return null;   // in the moment of a rotation that failed, or deleted by hand
        }
    }
}
