using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using Volley.GpuNode.Checkpointing;
using Volley.Shared;
using Volley.Shared.Checkpoints;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;

namespace Volley.GpuNode.CheckpointCopies;

/// <param name="Text">For people.</param>
/// <param name="MayPass">A holder was not reached: it may be, later. Else every one of them was asked and has not got it, or not whole.</param>
internal sealed record FetchProblem(string Text, bool MayPass);

/// <summary>
/// Brings a checkpoint from an agent that has it to this agent's disk: into a temporary directory, every file compared with the manifest and
/// the manifest with the journal, fsync, rename. What is there under the checkpoint's name is whole, or was not put there by this.
/// </summary>
internal sealed class CheckpointFetcher(NodeId self, FetchTimeouts timeouts, TimeProvider time) : IDisposable
{
    /// <summary>At once. The rest waits: training and heartbeats share the link and the disk.</summary>
    private const int MaxTransfers = 2;

    /// <summary>Of one holder that is busy, before the next is asked.</summary>
    private const int MaxTries = 10;

    /// <summary>A manifest names a handful of files.</summary>
    private const int MaxManifestBytes = 1 << 20;

    private readonly SemaphoreSlim _transfers = new(MaxTransfers);

    // One at a time: what one has just put there another must not take for missing.
    private readonly SemaphoreSlim _placing = new(1);
    private readonly HttpClient _client = new(new SocketsHttpHandler { ConnectTimeout = timeouts.Connect, UseProxy = false, AllowAutoRedirect = false }) { Timeout = Timeout.InfiniteTimeSpan };
    private long _number;

    /// <param name="directory">Where it belongs; absolute.</param>
    /// <returns>Null: it is there, and whole.</returns>
    public async Task<FetchProblem?> FetchAsync(TrialId trial, string directory, CheckpointReference checkpoint, CancellationToken stop)
    {
        var problems = new List<string>();
        if (Directory.Exists(directory))
        {
            if (await ProblemOfAsync(directory, checkpoint) is not { } damage) return null;
            problems.Add(damage);
        }
        var mayPass = false;
        var holders = (checkpoint.Holders ?? []).Where(holder => holder.Node != self).ToList();
        await _transfers.WaitAsync(stop);
        try
        {
            foreach (var holder in holders.Where(holder => holder.HttpAddress.Length > 0))
            {
                try
                {
                    await FetchAsync(trial, directory, checkpoint, holder, stop);
                    return null;
                }
                catch (Exception error) when (error is HttpRequestException or IOException or UnauthorizedAccessException or UserErrorException or TimeoutException)
                {
                    mayPass |= error is HttpRequestException or TimeoutException;
                    problems.Add($"{holder.Node} at {holder.HttpAddress}: {error.Message}");
                }
            }
        }
        finally
        {
            _transfers.Release();
        }
        mayPass |= holders.Any(holder => holder.HttpAddress.Length == 0);
        if (!holders.Any(holder => holder.HttpAddress.Length > 0))
            problems.Add(holders.Count == 0 ? "no other agent has it" : $"no agent that has it can be reached ({string.Join(", ", holders.Select(holder => holder.Node))})");
        return new FetchProblem(string.Join("; ", problems), mayPass);
    }

    /// <summary>Removes what an earlier life of this agent left half-fetched.</summary>
    /// <param name="root"><c>--checkpoint-root</c>: holds SWEEP/TRIAL/CHECKPOINT.</param>
    public void DeleteLeftovers(string root)
    {
        foreach (var trial in Directory.EnumerateDirectories(root).SelectMany(Directory.EnumerateDirectories))
            foreach (var leftover in Directory.EnumerateDirectories(trial, $"*{Mark}*{CheckpointName.TemporarySuffix}")) DeleteIfPossible(leftover);
    }

    public void Dispose()
    {
        _client.Dispose();
        _transfers.Dispose();
        _placing.Dispose();
    }

    /// <summary>In names of temporary directories: this agent's, apart from those of ranks and of agents that share the root.</summary>
    private string Mark => $".copy-{self}-";

    /// <returns>Null: whole. Hashing a hundred megabytes takes a moment: not on the caller's thread.</returns>
    private static Task<string?> ProblemOfAsync(string directory, CheckpointReference checkpoint) => Task.Run(() =>
    {
        try
        {
            CheckpointReader.Verify(directory, checkpoint.ManifestSha256);
            return null;
        }
        catch (UserErrorException damaged)
        {
            return damaged.Message;
        }
    });

    private async Task FetchAsync(TrialId trial, string directory, CheckpointReference checkpoint, CheckpointHolder holder, CancellationToken stop)
    {
        var from = string.Create(CultureInfo.InvariantCulture, $"http://{holder.HttpAddress}/checkpoints/{trial.Sweep}/{trial.Number}/{checkpoint.RelativePath}/");
        var temporary = $"{directory}{Mark}{Interlocked.Increment(ref _number)}{CheckpointName.TemporarySuffix}";
        try
        {
            Directory.CreateDirectory(temporary);
            var json = await ManifestAsync(from, checkpoint, stop);
            foreach (var file in CheckpointManifest.Parse(json, from + CheckpointManifest.FileName).Files)
            {
                using var answer = await GetAsync(from + file.Name, stop);
                await using var content = new StallGuard(await answer.Content.ReadAsStreamAsync(stop), timeouts.Stall, time);
                await DurableFiles.ReceiveAsync(Path.Combine(temporary, file.Name), content, file, stop);
            }
            DurableFiles.Write(Path.Combine(temporary, CheckpointManifest.FileName), stream => stream.Write(json));
            DurableFiles.SyncDirectory(temporary);
            await PutInPlaceAsync(temporary, directory, checkpoint, stop);
        }
        finally
        {
            DeleteIfPossible(temporary);
        }
    }

    /// <summary>A damaged one gives way; one that somebody else has brought meanwhile is as good.</summary>
    private async Task PutInPlaceAsync(string temporary, string directory, CheckpointReference checkpoint, CancellationToken stop)
    {
        await _placing.WaitAsync(stop);
        try
        {
            if (Directory.Exists(directory) && await ProblemOfAsync(directory, checkpoint) is null) return;
            if (Directory.Exists(directory)) Directory.Delete(directory, recursive: true);
            try
            {
                Directory.Move(temporary, directory);
            }
            catch (IOException) when (Directory.Exists(directory))
            {
                // An agent that shares this storage was quicker.
                if (await ProblemOfAsync(directory, checkpoint) is not null) throw;
            }
            DurableFiles.SyncDirectory(Path.GetDirectoryName(directory)!);
        }
        finally
        {
            _placing.Release();
        }
    }

    private async Task<byte[]> ManifestAsync(string from, CheckpointReference checkpoint, CancellationToken stop)
    {
        using var answer = await GetAsync(from + CheckpointManifest.FileName, stop);
        await using var content = new StallGuard(await answer.Content.ReadAsStreamAsync(stop), timeouts.Stall, time);
        var buffer = new byte[MaxManifestBytes + 1];
        var json = buffer[..await content.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, stop)];
        if (json.Length > MaxManifestBytes) throw new UserErrorException($"its manifest is longer than {MaxManifestBytes} bytes.");
        var found = Convert.ToHexStringLower(SHA256.HashData(json));
        return found == checkpoint.ManifestSha256 ? json : throw new UserErrorException($"its manifest has SHA-256 {found}, the journal says {checkpoint.ManifestSha256}.");
    }

    private async Task<HttpResponseMessage> GetAsync(string uri, CancellationToken stop)
    {
        for (var tries = 1; ; tries++)
        {
            HttpResponseMessage answer;
            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(stop);
            deadline.CancelAfter(timeouts.Connect + timeouts.Stall);
            try
            {
                answer = await _client.GetAsync(new Uri(uri), HttpCompletionOption.ResponseHeadersRead, deadline.Token);
            }
            catch (OperationCanceledException) when (!stop.IsCancellationRequested)
            {
                throw new TimeoutException($"no answer within {(timeouts.Connect + timeouts.Stall).TotalSeconds:0} s.");
            }
            if (answer.IsSuccessStatusCode) return answer;
            var (status, reason) = (answer.StatusCode, answer.StatusCode == HttpStatusCode.Gone ? await answer.Content.ReadAsStringAsync(stop) : "");
            answer.Dispose();
            if (status != HttpStatusCode.ServiceUnavailable || tries == MaxTries)
                throw new UserErrorException(status switch
                {
                    HttpStatusCode.NotFound => "it does not have it (any more).",
                    HttpStatusCode.ServiceUnavailable => $"it was busy with other transfers {MaxTries} times.",
                    HttpStatusCode.Gone => reason,
                    _ => $"it answered {(int)status}.",
                });
            await Task.Delay(timeouts.Busy, time, stop);
        }
    }

    private static void DeleteIfPossible(string directory)
    {
        try
        {
            if (Directory.Exists(directory)) Directory.Delete(directory, recursive: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // What went wrong before is what counts; the next life of this agent meets this directory again.
        }
    }
}
