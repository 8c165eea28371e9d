using System.Net;
using System.Net.Http.Headers;
using Volley.Shared;

namespace Volley.GpuNode.Data.Sources;

/// <summary>Fetches a file: goes on where a cut-off download ended, gives up after several tries without progress, accepts only the known checksum.</summary>
/// <remarks>Bytes go to <c>NAME.partial</c>, which stays when a download is cut off; the name itself appears only when the checksum is right.</remarks>
internal sealed class Downloader(HttpMessageInvoker client, TimeProvider time)
{
    // Tries in a row that bring not one byte; fewer where the server was never reached: a machine without network should say so soon.
    private const int FruitlessTries = 5;
    private const int FruitlessTriesAtFirst = 2;

    // Doubled after each fruitless try.
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1);

    // A server that sends nothing for this long is treated as gone.
    public TimeSpan StallTimeout { get; init; } = TimeSpan.FromSeconds(30);

    public async Task FetchAsync(Uri address, string path, string md5, IProgress<PrepareProgress>? progress, CancellationToken stop)
    {
        var partial = path + ".partial";
        // What an earlier run left may be of another file; then the checksum is wrong once, and all is fetched anew.
        var hasOldPart = File.Exists(partial) && new FileInfo(partial).Length > 0;
        await FetchAllAsync(address, partial, progress, stop);
        var found = ReleaseDownload.Md5Of(partial);
        if (found != md5 && hasOldPart)
        {
            File.Delete(partial);
            await FetchAllAsync(address, partial, progress, stop);
            found = ReleaseDownload.Md5Of(partial);
        }
        if (found != md5)
        {
            var bytes = new FileInfo(partial).Length;
            File.Delete(partial);
            throw new UserErrorException($"{address}: gave {bytes:N0} bytes with the MD5 checksum {found}, expected {md5}. A proxy or login page may have answered instead. Put the right file to {path}, or set dataset.path (--data-dir) to a copy at hand.");
        }
        File.Move(partial, path, overwrite: true);
    }

    private async Task FetchAllAsync(Uri address, string partial, IProgress<PrepareProgress>? progress, CancellationToken stop)
    {
        var fruitless = 0;
        var hasBrought = false;
        while (true)
        {
            var before = File.Exists(partial) ? new FileInfo(partial).Length : 0;
            string problem;
            try
            {
                if (await FetchOnceAsync(address, partial, before, progress, stop)) return;
                problem = "the connection ended early";
            }
            catch (Exception failure) when (failure is HttpRequestException or IOException or TimeoutException)
            {
                problem = failure.Message;
            }
            var brought = File.Exists(partial) && new FileInfo(partial).Length > before;
            hasBrought |= brought;
            fruitless = brought ? 0 : fruitless + 1;
            if (fruitless >= (hasBrought ? FruitlessTries : FruitlessTriesAtFirst))
                throw new UserErrorException($"{address}: could not be fetched: {problem} ({fruitless} tries). Run the same command again to go on, put the file to {partial[..^".partial".Length]}, or set dataset.path (--data-dir) to a copy at hand.");
            await Task.Delay(FirstPause * (1 << Math.Max(0, fruitless - 1)), time, stop);
        }
    }

    /// <returns>Whether the file is complete.</returns>
    private async Task<bool> FetchOnceAsync(Uri address, string partial, long have, IProgress<PrepareProgress>? progress, CancellationToken stop)
    {
        using var stalled = new CancellationTokenSource(StallTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, stalled.Token);
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, address);
            if (have > 0) request.Headers.Range = new RangeHeaderValue(have, null);
            using var response = await client.SendAsync(request, either.Token);
            if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable) return Restart(partial, response, have);
            if ((int)response.StatusCode is >= 400 and < 500)
                throw new UserErrorException($"{address}: the server answered {(int)response.StatusCode} {response.ReasonPhrase}. Set dataset.path (--data-dir) to a copy at hand.");
            response.EnsureSuccessStatusCode();
            var isContinued = response.StatusCode == HttpStatusCode.PartialContent && response.Content.Headers.ContentRange?.From == have;
            var start = isContinued ? have : 0;
            var total = response.Content.Headers.ContentLength is { } length ? start + length : 0;
            await using var file = new FileStream(partial, isContinued ? FileMode.Append : FileMode.Create, FileAccess.Write, FileShare.None);
            await using var body = await response.Content.ReadAsStreamAsync(either.Token);
            var buffer = new byte[1 << 16];
            var done = start;
            while (true)
            {
                stalled.CancelAfter(StallTimeout);
                var read = await body.ReadAsync(buffer, either.Token);
                if (read == 0) return total == 0 || done >= total;
                await file.WriteAsync(buffer.AsMemory(0, read), stop);
                done += read;
                progress?.Report(new($"Downloading {Path.GetFileName(address.LocalPath)}", done, total, "bytes"));
            }
        }
        catch (OperationCanceledException) when (stalled.IsCancellationRequested && !stop.IsCancellationRequested)
        {
            throw new TimeoutException($"nothing came for {StallTimeout.TotalSeconds:0} s");
        }
    }

    /// <summary>The server has no bytes behind those we have: all are here, or they are of another file.</summary>
    private static bool Restart(string partial, HttpResponseMessage response, long have)
    {
        if (response.Content.Headers.ContentRange?.Length == have) return true;
        File.Delete(partial);
        return false;
    }
}
