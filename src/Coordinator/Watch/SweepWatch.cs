using Volley.Coordinator.Client;
using Volley.Coordinator.Http;

namespace Volley.Coordinator.Watch;

/// <summary>The sweep as this client knows it: views are merged, and what happened between two of them is told as events.</summary>
internal sealed class SweepWatch
{
    private readonly SortedDictionary<int, TrialView> _trials = [];
    private bool _hasSeenAll;

    public SweepView? Sweep { get; private set; }

    public IReadOnlyCollection<TrialView> Trials => _trials.Values;

    public long Version => Sweep?.Version ?? -1;

    /// <returns>What is new, in words for the event log: one line each.</returns>
    public IReadOnlyList<string> Take(SweepView view)
    {
        List<string> lines = [];
        if (Sweep is null && view.Finished + view.Failed > 0) lines.Add($"going on: {view.Finished} of {view.Trials} trials are finished{(view.Failed > 0 ? $", {view.Failed} failed" : "")}");
        if (view.Obstacle is { } obstacle && obstacle != Sweep?.Obstacle) lines.Add($"waiting: {obstacle}");
        foreach (var trial in view.Changed ?? [])
        {
            // At the first look only what runs now is told: the rest happened before.
            var before = _trials.GetValueOrDefault(trial.Number);
            if (_hasSeenAll) lines.AddRange(TrialLines.Between(before, trial));
            else if (trial.State is "starting" or "running") lines.AddRange([TrialLines.Now(trial)]);
            _trials[trial.Number] = trial;
        }
        _hasSeenAll |= !view.HasMore;
        Sweep = view;
        return lines;
    }

    /// <summary>Takes all that is new, page by page.</summary>
    /// <returns>The newest view.</returns>
    public async Task<SweepView> LookAsync(SweepClient client, string sweep, ISweepDisplay display, CancellationToken stop)
    {
        while (true)
        {
            var view = await client.LookAsync(sweep, Version, stop);
            if (Sweep is { } known && known.Term != view.Term) view = await client.LookAsync(sweep, -1, stop);
            display.Show(this, Take(view));
            if (!view.HasMore) return view;
        }
    }
}
