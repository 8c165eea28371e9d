namespace Volley.Simulation.Tests.World;

internal enum JournalAnswer
{
    Written,

    /// <summary>The sequence number exists: somebody else writes this journal.</summary>
    Taken,

    /// <summary>Disk full, or the database is away.</summary>
    Failed,
}

/// <summary>What outlives every coordinator: one list of events per persistence id, each place of it written once.</summary>
internal sealed class SimulatedJournal
{
    private readonly Dictionary<string, List<object>> _events = [];

    /// <summary>Every write fails.</summary>
    public bool IsFull { get; set; }

    public event Action<string, object>? Written;

    public IReadOnlyList<object> Read(string id) => _events.TryGetValue(id, out var found) ? found : [];

    public bool WouldTake(string id, long first) => !IsFull && Read(id).Count == first - 1;

    /// <summary>All or none, as one transaction.</summary>
    /// <param name="first">Sequence number of the first event, from 1.</param>
    public JournalAnswer Append(string id, long first, IReadOnlyList<object> events)
    {
        if (IsFull) return JournalAnswer.Failed;
        if (!_events.TryGetValue(id, out var known)) _events[id] = known = [];
        if (known.Count != first - 1) return JournalAnswer.Taken;
        foreach (var change in events)
        {
            known.Add(change);
            Written?.Invoke(id, change);
        }
        return JournalAnswer.Written;
    }
}
