using System.Collections.Concurrent;
using System.Collections.Immutable;
using Volley.GpuNode.Link;
using Volley.GpuNode.Processes;
using Volley.GpuNode.Serving;
using Volley.Shared.Messages;

namespace Volley.GpuNode.Agent;

/// <param name="LogDirectory">Gets <c>&lt;sweep&gt;/&lt;trial&gt;.a&lt;attempt&gt;.r&lt;rank&gt;.log</c>.</param>
/// <param name="DataRoot">Where <see cref="StartRank.DataRoot"/> is empty.</param>
internal sealed record SupervisorSettings(string LogDirectory, string DataRoot, LinkTimeouts Timeouts, TimeProvider Time)
{
    /// <summary>Where other machines reach this one; empty: only ranks of this machine can be in one group.</summary>
    public string Host { get; init; } = "";

    public string LogPath(RankKey key) => new RankLogFiles(LogDirectory).PathOf(key);
}

/// <summary>Runs rank processes and tells what becomes of them. Knows no cluster: it outlives every actor system (DESIGN §2).</summary>
internal sealed class RankSupervisor : IAsyncDisposable
{
    private readonly ConcurrentDictionary<RankKey, (RankProcess Process, Task Run)> _ranks = new();
    private readonly SpawnThread _spawner = new();
    private readonly SupervisorSettings _settings;
    private readonly RunDirectory _runDirectory;
    private readonly RankLinkServer _link;
    private readonly IRankLauncher _launcher;
    private readonly ILogger _log;

    private RankSupervisor(SupervisorSettings settings, RunDirectory runDirectory, RankLinkServer link, IRankLauncher launcher, ILogger log) =>
        (_settings, _runDirectory, _link, _launcher, _log) = (settings, runDirectory, link, launcher, log);

    public static async Task<RankSupervisor> StartAsync(SupervisorSettings settings, RunDirectory runDirectory, IRankLauncher launcher, ILoggerFactory logs)
    {
        var log = logs.CreateLogger<RankSupervisor>();
        runDirectory.EndOrphans(line => log.LogWarning("{Orphan}", line));
        var link = await RankLinkServer.StartAsync(runDirectory.SocketPath, settings.Timeouts, logs);
        return new RankSupervisor(settings, runDirectory, link, launcher, log);
    }

    /// <summary>Ranks whose process is not confirmed dead.</summary>
    public int Count => _ranks.Count;

    /// <summary>Its process is not confirmed dead.</summary>
    public bool IsAlive(RankKey key) => _ranks.ContainsKey(key);

    /// <summary>Returns at once; <paramref name="events"/> tells the rest.</summary>
    /// <param name="checkpointProblems">What the agent met with while it got its checkpoint; the rank reports it with its own.</param>
    public void Start(StartRank start, IReadOnlyList<int> slots, IReadOnlyList<string> checkpointProblems, IRankEvents events)
    {
        var key = new RankKey(start.Trial, start.Attempt, start.Rank);
        var session = _link.Expect(key);
        var process = new RankProcess(key, _settings, session, new Forgetting(this, session, events), _log);
        // Started by the pool, so that the entry is there before the first event.
        var gate = new TaskCompletionSource();
        var run = Task.Run(async () =>
        {
            await gate.Task;
            await process.RunAsync(start, checkpointProblems, _launcher.CommandFor(key, _link.Path, slots), _runDirectory, _spawner);
        });
        _ranks[key] = (process, run);
        gate.SetResult();
    }

    /// <summary>Does nothing where that rank is not known.</summary>
    public void Stop(RankKey key, StopMode mode)
    {
        if (_ranks.TryGetValue(key, out var rank)) rank.Process.Stop(mode);
    }

    /// <summary>That process is the rank of a later attempt from now on. Does nothing where it has ended: its exit is on its way.</summary>
    public void Join(RankKey key, StartRank start)
    {
        if (!_ranks.TryRemove(key, out var rank)) return;
        var next = new RankKey(start.Trial, start.Attempt, start.Rank);
        _ranks[next] = rank;
        rank.Process.Join(next, start);
        if (rank.Process.HasEnded) _ranks.TryRemove(next, out _);       // its exit may have come in between, and found neither key
    }

    public void FormGroup(RankKey key, FormGroup group)
    {
        if (_ranks.TryGetValue(key, out var rank)) rank.Process.FormGroup(group);
    }

    /// <summary>SIGKILL to every rank; returns when all are confirmed dead.</summary>
    public async Task KillAllAsync(string reason)
    {
        var ranks = _ranks.Values.ToArray();
        foreach (var (process, _) in ranks) process.Kill(reason);
        await Task.WhenAll(ranks.Select(rank => rank.Run));
    }

    public async ValueTask DisposeAsync()
    {
        await KillAllAsync("Its agent ended.");
        await _link.DisposeAsync();
        _spawner.Dispose();
    }

    /// <summary>Takes a dead rank out before its exit is told, so that whoever hears of it finds the truth here.</summary>
    private sealed class Forgetting(RankSupervisor supervisor, RankSession session, IRankEvents inner) : IRankEvents
    {
        public void OnStarted(RankKey key, int pid) => inner.OnStarted(key, pid);

        public void OnProgress(ProgressReport progress) => inner.OnProgress(progress);

        public void OnEpoch(RankKey key, Shared.Results.EpochMetrics epoch) => inner.OnEpoch(key, epoch);

        public void OnCheckpoint(RankKey key, CheckpointReport checkpoint) => inner.OnCheckpoint(key, checkpoint);

        public void OnGroupReady(RankKey key, GroupAddress address) => inner.OnGroupReady(key, address);

        public void OnPeerLost(RankKey key, ImmutableArray<int> lost, long step, string reason) => inner.OnPeerLost(key, lost, step, reason);

        public void OnExited(RankKey key, RankExit exit)
        {
            foreach (var (current, rank) in supervisor._ranks)
                if (rank.Process.Session == session) supervisor._ranks.TryRemove(current, out _);       // perhaps under a later attempt than the one it was told of last
            supervisor._link.Forget(session);
            inner.OnExited(key, exit);
        }
    }
}
