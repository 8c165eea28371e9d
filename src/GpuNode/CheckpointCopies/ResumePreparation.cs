using Volley.GpuNode.Link;
using Volley.Shared.Checkpoints;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;

namespace Volley.GpuNode.CheckpointCopies;

/// <summary>
/// Before a rank starts: its newest checkpoint that can be had is on this agent's disk, whole. What this agent lacks, or has in a damaged
/// form, is fetched from whoever holds it; where all holders fail, the one before it is taken, and in the end the beginning.
/// </summary>
internal sealed class ResumePreparation(CheckpointFetcher fetcher, NodeId self, FetchTimeouts timeouts, TimeProvider time, Action<CheckpointCopied> tell, ILogger log) : IDisposable
{
    private sealed class Waiting(StartRank start)
    {
        /// <summary>The newest of its repetitions: holders come back under other addresses.</summary>
        public StartRank Start { get; set; } = start;

        public CancellationTokenSource Stop { get; } = new();
    }

    private readonly Lock _lock = new();
    private readonly Dictionary<RankKey, Waiting> _waiting = [];

    /// <summary>Checkpoints that lie in one machine's folder are left to the rank.</summary>
    public static bool IsNeeded(StartRank start) => start.ResumeFrom.Any(checkpoint => checkpoint.Holders is not null);

    /// <param name="start">With absolute paths.</param>
    /// <param name="launch">Gets the command with the checkpoints that are there, and what a person should know. Not called when stopped.</param>
    /// <param name="ended">Instead of it; null: as asked, else what went wrong.</param>
    public void Begin(RankKey key, StartRank start, Action<StartRank, IReadOnlyList<string>> launch, Action<string?> ended)
    {
        var waiting = new Waiting(start);
        lock (_lock) _waiting.Add(key, waiting);
        _ = Task.Run(async () =>
        {
            (StartRank Start, IReadOnlyList<string> Problems)? prepared = null;
            string? failure = null;
            try
            {
                prepared = await PrepareAsync(key, waiting);
            }
            catch (OperationCanceledException) when (waiting.Stop.IsCancellationRequested)
            {
                // Told below.
            }
            catch (Exception error)
            {
                // Nobody awaits this task, and a rank that is never heard of again would hold its slots for ever.
                log.LogError(error, "{Rank}: its checkpoints could not be prepared", key);
                failure = $"Its checkpoints could not be prepared: {error.Message}";
            }
            lock (_lock)
            {
                // From here on the supervisor knows the rank, or nobody does: a stop cannot fall in between.
                _waiting.Remove(key);
                if (prepared is { } ready && !waiting.Stop.IsCancellationRequested) launch(ready.Start, ready.Problems);
                else ended(failure);
            }
            waiting.Stop.Dispose();
        });
    }

    /// <summary>The same command once more, with the addresses of now.</summary>
    public void Readdress(RankKey key, StartRank start)
    {
        lock (_lock)
            if (_waiting.TryGetValue(key, out var waiting)) waiting.Start = waiting.Start with { ResumeFrom = start.ResumeFrom };
    }

    /// <returns>False: it is not waiting here.</returns>
    public bool Stop(RankKey key)
    {
        lock (_lock)
        {
            if (!_waiting.TryGetValue(key, out var waiting)) return false;
            waiting.Stop.Cancel();
            return true;
        }
    }

    public void Dispose()
    {
        lock (_lock)
            foreach (var waiting in _waiting.Values) waiting.Stop.Cancel();
    }

    private async Task<(StartRank Start, IReadOnlyList<string> Problems)> PrepareAsync(RankKey key, Waiting waiting)
    {
        var began = time.GetTimestamp();
        while (true)
        {
            StartRank start;
            lock (_lock) start = waiting.Start;
            var problems = new List<string>();
            var mayPass = false;
            for (var i = 0; i < start.ResumeFrom.Length; i++)
            {
                var checkpoint = start.ResumeFrom[i];
                if (await FetchAsync(key, start, checkpoint, waiting.Stop.Token) is not { } problem)
                    return (start with { ResumeFrom = [checkpoint, .. start.ResumeFrom.Skip(i + 1).Where(older => Directory.Exists(DirectoryOf(start, older)))] }, problems);
                problems.Add($"Checkpoint {checkpoint.RelativePath} cannot be used: {problem.Text}");
                mayPass |= problem.MayPass;
                log.LogWarning("{Rank}: {Problem}", key, problems[^1]);
            }
            if (!mayPass || time.GetElapsedTime(began) >= timeouts.Return)
            {
                problems.Add($"None of its {start.ResumeFrom.Length} checkpoints can be had: it starts from the beginning.");
                return (start with { ResumeFrom = [] }, problems);
            }
            await Task.Delay(timeouts.Look, time, waiting.Stop.Token);
        }
    }

    private async Task<FetchProblem?> FetchAsync(RankKey key, StartRank start, CheckpointReference checkpoint, CancellationToken stop)
    {
        var directory = DirectoryOf(start, checkpoint);
        var wasThere = Directory.Exists(directory);
        var problem = await fetcher.FetchAsync(key.Trial, directory, checkpoint, stop);
        // The writer's attempt, not this rank's: by it a checkpoint that was given up meanwhile is known.
        if (problem is null && !wasThere) tell(new CheckpointCopied(key.Trial, CheckpointName.TryParse(checkpoint.RelativePath)?.Attempt ?? key.Attempt, checkpoint.RelativePath, self, ""));
        return problem;
    }

    private static string DirectoryOf(StartRank start, CheckpointReference checkpoint) => Path.Combine(start.CheckpointRoot, checkpoint.RelativePath);
}
