using Volley.Coordinator.Http;

namespace Volley.Coordinator.LocalRun;

/// <summary>The sweep as this client knows it: views are merged, and what happened between two of them is told as events.</summary>
internal sealed class SweepWatch
{
    private readonly SortedDictionary<int, TrialView> _trials = [];

    public SweepView? Sweep { get; private set; }

    public IReadOnlyCollection<TrialView> Trials => _trials.Values;

    public long Version => Sweep?.Version ?? -1;

    /// <returns>What is new, in words for the event log: one line each.</returns>
    public IReadOnlyList<string> Take(SweepView view)
    {
        List<string> lines = [];
        if (view.Obstacle is { } obstacle && obstacle != Sweep?.Obstacle) lines.Add($"waiting: {obstacle}");
        foreach (var trial in view.Changed)
        {
            lines.AddRange(TrialLines.Between(_trials.GetValueOrDefault(trial.Number), trial));
            _trials[trial.Number] = trial;
        }
        Sweep = view;
        return lines;
    }
}
