using System.Collections.Immutable;
using Volley.Coordinator.Chaos.Faults;
using Volley.Coordinator.Chaos.Network;
using Volley.Coordinator.Chaos.Processes;
using Volley.Coordinator.Chaos.Recovery;
using Volley.Coordinator.Client;
using Volley.Coordinator.Http;
using Volley.Shared;

namespace Volley.Coordinator.Chaos;

/// <summary>The sweep, once, on a cluster of its own: started, watched, disturbed by a plan (or by none), stopped, and looked through.</summary>
internal sealed class SweepRun(ChaosClusterOptions options, string yaml, Ledger ledger, NetworkNamespaces? network, SmallDisk? disk, Action<string> say, TimeProvider clock)
{
    private static readonly TimeSpan LookPeriod = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan PointPeriod = TimeSpan.FromSeconds(1);

    /// <summary>A coordinator on a busy machine starts in seconds.</summary>
    private static readonly TimeSpan StartPatience = TimeSpan.FromMinutes(2);

    /// <summary>No step and no ended trial for so long, with nothing held: it is stuck, and that is a finding.</summary>
    private static readonly TimeSpan StuckAfter = TimeSpan.FromMinutes(3);

    private readonly List<StruckFault> _faults = [];
    private readonly List<ProgressPoint> _points = [];
    private readonly CheckpointFolder _checkpoints = new(options);
    private readonly HashSet<(int Trial, string Path)> _damaged = [];
    private long _started;
    private DateTimeOffset _startedAt;

    /// <summary>In the order in which they struck.</summary>
    public ImmutableArray<StruckFault> Faults => [.. _faults];

    public ImmutableArray<ProgressPoint> Progress => [.. _points];

    private TimeSpan Now => clock.GetElapsedTime(_started);

    /// <param name="totalSteps">Of the whole sweep; not asked for where the plan is empty.</param>
    /// <exception cref="UserErrorException">A process of the cluster cannot be kept alive.</exception>
    public async Task<RunOutcome> RunAsync(ImmutableArray<PlannedFault> plan, long totalSteps, CancellationToken stop)
    {
        Directory.CreateDirectory(options.Folder);
        await using var cluster = await ChaosCluster.StartAsync(options, ledger, clock);
        await SubmitAsync(cluster, stop);
        (_started, _startedAt) = (clock.GetTimestamp(), clock.GetUtcNow());
        await UntilFinishedAsync(cluster, plan, totalSteps, stop);
        var duration = Now;
        using var client = ClientOf(cluster);
        var results = await client.ResultsAsync(ChaosSweep.Name, stop);
        await cluster.StopAsync();
        var audit = JournalAudit.Of(options.Journal);
        return new RunOutcome(results, audit.TimesFinished, audit.Missing(_checkpoints.IsWhole, (trial, path) => _damaged.Contains((trial, path))), duration);
    }

    private async Task SubmitAsync(ChaosCluster cluster, CancellationToken stop)
    {
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = cluster.Http, Timeout = TimeSpan.FromSeconds(2) };
        var start = clock.GetTimestamp();
        while (!await IsUpAsync(http, stop))
        {
            await ThrowIfBrokenAsync(cluster);
            if (clock.GetElapsedTime(start) > StartPatience) throw new UserErrorException($"The coordinator did not answer within {StartPatience.TotalMinutes:0} minutes; its log is in {options.Folder}.");
            await Task.Delay(LookPeriod, clock, stop);
        }
        using var client = ClientOf(cluster);
        await client.SubmitAsync(
            new SubmitRequest
            {
                FileName = $"{ChaosSweep.Name}.yaml",
                Text = yaml,
            },
            stop);
    }

    private async Task UntilFinishedAsync(ChaosCluster cluster, ImmutableArray<PlannedFault> plan, long totalSteps, CancellationToken stop)
    {
        using var observer = new SweepObserver(cluster, _startedAt);
        var actions = new FaultActions(cluster, _checkpoints, disk, network);
        var waiting = new Queue<PlannedFault>(plan);
        var open = new List<int>();         // places in _faults of those that training has not gone on from
        var (progressAt, progress) = (TimeSpan.Zero, (Steps: 0L, Over: 0));
        while (true)
        {
            stop.ThrowIfCancellationRequested();
            await ThrowIfBrokenAsync(cluster);
            var isAnswering = await observer.LookAsync(stop);
            actions.Release(Now);
            Record(observer);
            Follow(observer, open);
            if (isAnswering && observer.State is "finished" or "cancelled") break;
            while (waiting.TryPeek(out var next) && observer.CompletedSteps >= next.At * totalSteps && Strike(observer, actions, next))
            {
                waiting.Dequeue();
                open.Add(_faults.Count - 1);
            }
            var reached = (Steps: observer.CompletedSteps, Over: observer.Trials.Count(trial => trial.State is "finished" or "failed"));
            if (reached != progress || actions.HoldsAny) (progressAt, progress) = (Now, reached);
            if (Now - progressAt > StuckAfter)
            {
                say($"Nothing has moved for {StuckAfter.TotalMinutes:0} minutes; giving up. Trials: {string.Join(", ", observer.Trials.Where(trial => trial.State is not "finished").Select(trial => $"{trial.Number} {trial.State} attempt {trial.Attempt} {trial.Error}"))}");
                break;
            }
            await Task.Delay(LookPeriod, clock, stop);
        }
        actions.Release(TimeSpan.MaxValue);
        // The coordinator may be on its way back; where it is not, asking for the results says so.
        for (var ended = Now; !await observer.LookAsync(stop) && Now - ended < StartPatience;) await Task.Delay(LookPeriod, clock, stop);
        Follow(observer, open);
    }

    private bool Strike(SweepObserver observer, FaultActions actions, PlannedFault fault)
    {
        if (FaultTargets.Choose(fault, observer.Picture(actions.Disturbed, actions.IsDiskFull)) is not { } target) return false;
        var recovery = FaultRecovery.Begin(fault, target, Now, observer.Moments());
        if (actions.Strike(fault, target, Now) is not { } done) return false;
        if (target.Checkpoint is { } checkpoint)
        {
            observer.MarkDamaged(target.Trial!.Value, checkpoint);
            _damaged.Add((target.Trial.Value, checkpoint));
        }
        _faults.Add(new StruckFault(recovery, done));
        say($"{Now.TotalSeconds,7:0.0} s  fault {fault.Number} {FaultKinds.NameOf(fault.Kind)}{Where(target)}: {done}");
        return true;
    }

    private void Follow(SweepObserver observer, List<int> open)
    {
        if (open.Count == 0) return;
        var moments = observer.Moments().ToDictionary(moment => moment.Trial);
        foreach (var place in open.ToList())
        {
            var recovery = _faults[place].Recovery.Take(Now, observer.IsAnswering, moments);
            _faults[place] = _faults[place] with { Recovery = recovery };
            if (!recovery.IsComplete) continue;
            open.Remove(place);
            say($"{Now.TotalSeconds,7:0.0} s    fault {recovery.Fault.Number}: {Outcome(recovery)}");
        }
    }

    private void Record(SweepObserver observer)
    {
        if (_points.Count == 0 || Now - _points[^1].At >= PointPeriod || observer.IsAnswering != _points[^1].IsAnswering)
            _points.Add(new ProgressPoint(Now, observer.CompletedSteps, observer.IsAnswering));
    }

    private static string Where(FaultTarget target) =>
        (target.Node is { } node ? $" on {node}" : "") + (target.Trial is { } trial ? $", trial {trial} attempt {target.Attempt}" : "");

    private static string Outcome(FaultRecovery recovery)
    {
        var words = new List<string>();
        if (recovery.AnswersAfter is { } answers) words.Add($"steering again after {answers.TotalSeconds:0.0} s");
        if (recovery.WentOnAfter is { } wentOn) words.Add($"training again after {wentOn.TotalSeconds:0.0} s");
        if (recovery.Affected.IsEmpty) words.Add("no trial was hit");
        words.Add($"{recovery.NewAttempts} new attempts, {recovery.StepsRepeated} steps repeated");
        return string.Join(", ", words);
    }

    private SweepClient ClientOf(ChaosCluster cluster) => new(new ApiConnection(new CoordinatorAddress(cluster.Http), ClientPatience.Default, clock, say));

    private static async Task<bool> IsUpAsync(HttpClient http, CancellationToken stop)
    {
        try
        {
            using var answer = await http.GetAsync("/api/v1/sweeps", stop);
            return answer.IsSuccessStatusCode;
        }
        catch (Exception error) when (error is HttpRequestException || (error is TaskCanceledException && !stop.IsCancellationRequested))
        {
            return false;
        }
    }

    private static async Task ThrowIfBrokenAsync(ChaosCluster cluster)
    {
        var supervision = cluster.Supervision;
        if (supervision.IsCompleted) await supervision;
    }
}
