using System.Collections.Immutable;
using System.Text.Json;
using Volley.Coordinator.Chaos.Faults;
using Volley.Coordinator.Chaos.Recovery;
using Volley.Coordinator.Http;

namespace Volley.Coordinator.Chaos;

/// <summary>
/// Looks at the sweep through the HTTP API while coordinators come and go: what it cannot see now it remembers from before. Keeps the
/// furthest step of each trial, and which checkpoints faults have damaged.
/// </summary>
/// <param name="started">When the sweep began: the coordinator runs on this machine, so its clock is this one.</param>
internal sealed class SweepObserver(ChaosCluster cluster, DateTimeOffset started) : IDisposable
{
    /// <summary>A coordinator on this machine answers in milliseconds: one that does not is stopped, gone or not there yet.</summary>
    private static readonly TimeSpan AnswerTimeout = TimeSpan.FromSeconds(1);

    // No proxy: the addresses are of this machine and of its namespaces.
    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = cluster.Http, Timeout = AnswerTimeout };
    private readonly SortedDictionary<int, Track> _tracks = [];
    private readonly HashSet<(int Trial, string Path)> _damaged = [];
    private ImmutableHashSet<string> _reachable = [];
    private long _version = -1;
    private long _term = -1;

    /// <summary>Whether the last look was answered.</summary>
    public bool IsAnswering { get; private set; }

    /// <summary>Of the sweep, when it was last seen.</summary>
    public string State { get; private set; } = "";

    /// <summary>Optimizer steps of all trials together, each counted once.</summary>
    public long CompletedSteps => _tracks.Values.Sum(track => track.FurthestStep);

    /// <summary>By number, as last seen.</summary>
    public IEnumerable<TrialView> Trials => _tracks.Values.Select(track => track.View);

    public void Dispose() => _http.Dispose();

    /// <returns>Whether the coordinator answered.</returns>
    public async Task<bool> LookAsync(CancellationToken stop)
    {
        try
        {
            for (var hasMore = true; hasMore;)
            {
                var view = (await _http.GetFromJsonAsync<SweepView>($"/api/v1/sweeps/{ChaosSweep.Name}?changed_since={_version}&limit={Paging.MaxLimit}", ApiJson.Options, stop))!;
                var isSameTerm = view.Term == _term;
                // Versions count what one life of a coordinator saw.
                (_term, _version, hasMore) = (view.Term, isSameTerm ? view.Version : -1, view.HasMore || !isSameTerm);
                if (!isSameTerm) continue;
                State = view.State;
                foreach (var trial in view.Changed ?? []) Take(trial);
            }
            var nodes = await _http.GetFromJsonAsync<NodePage>("/api/v1/nodes", ApiJson.Options, stop);
            _reachable = [.. nodes!.Nodes.Where(node => node.State != "lost").Select(node => node.Name)];
            return IsAnswering = true;
        }
        catch (Exception error) when (error is HttpRequestException or JsonException || (error is TaskCanceledException && !stop.IsCancellationRequested))
        {
            return IsAnswering = false;
        }
    }

    public void MarkDamaged(int trial, string checkpoint) => _damaged.Add((trial, checkpoint));

    /// <param name="disturbed">What faults hold now.</param>
    public ClusterPicture Picture(ImmutableHashSet<string> disturbed, bool isDiskFull) => new(
        IsAnswering,
        [.. cluster.Agents.Select(agent => new NodePicture(agent.Key, agent.Value.Mark.IsAlive, _reachable.Contains(agent.Key)))],
        [.. _tracks.Values.Where(track => track.View.State == "running").Select(PictureOf)],
        disturbed,
        isDiskFull);

    public ImmutableArray<TrialMoment> Moments() => [.. _tracks.Values.Select(track => MomentOf(track.View, track.StepOfAttempt))];

    private TrialMoment MomentOf(TrialView view, long step) => new(
        view.Number, view.Attempt, step, view.State is "finished" or "failed" or "cancelled", view.Error ?? "",
        [.. view.Ranks.Select(rank => rank.Node)],
        [.. view.Attempts.Select(attempt => new AttemptMoment(attempt.Attempt, attempt.Node, attempt.FirstStepAt - started, attempt.StartStep, attempt.LastStep))])
    {
        CheckpointProblem = view.CheckpointProblem ?? "",
        CheckpointProblems = view.CheckpointProblems,
    };

    private void Take(TrialView view)
    {
        if (!_tracks.TryGetValue(view.Number, out var track)) _tracks.Add(view.Number, track = new Track { View = view });
        var newest = view.Checkpoints.Count > 0 ? view.Checkpoints[^1] : "";
        if (newest != track.NewestCheckpoint) (track.NewestCheckpoint, track.AttemptOfCheckpoint) = (newest, view.Attempt);
        track.View = view;
        track.FurthestStep = Math.Max(track.FurthestStep, view.Step);
    }

    private TrialPicture PictureOf(Track track) => new(
        track.View.Number, track.View.Attempt, track.StepOfAttempt, 1 + track.View.Attempt - Math.Max(1, track.AttemptOfCheckpoint),
        [.. track.View.Ranks.Where(rank => rank.Pid is not null).Select(rank => new RankPicture(rank.Rank, rank.Node, rank.Pid!.Value))],
        [.. Intact(track)]);

    private IEnumerable<string> Intact(Track track) => track.View.Checkpoints.Where(path => !_damaged.Contains((track.View.Number, path)));

    private sealed class Track
    {
        public required TrialView View { get; set; }
        public long FurthestStep { get; set; }
        public string NewestCheckpoint { get; set; } = "";
        public int AttemptOfCheckpoint { get; set; }

        /// <summary>Total steps are known once the attempt has reported; until then the step is that of an epoch before it.</summary>
        public long StepOfAttempt => View.TotalSteps > 0 ? View.Step : 0;
    }
}
