namespace Volley.Coordinator.Journal;

/// <summary>Whether the journal takes what is decided, as its writers last found it. Actors write it, HTTP reads it; a change is told once.</summary>
/// <param name="say">For the log and the person at the terminal.</param>
internal sealed class JournalHealth(string journal, Action<string> say, TimeProvider clock)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, string> _problems = [];
    private volatile bool _hasProblem;
    private DateTimeOffset _since;

    /// <summary>For tests and tools that watch no journal.</summary>
    public JournalHealth() : this("journal", _ => { }, TimeProvider.System) { }

    /// <summary>Why it cannot be used, or null.</summary>
    public string? Problem
    {
        get { lock (_lock) return _problems.Count == 0 ? null : Text(); }
    }

    public void Failed(string persistenceId, Exception error)
    {
        lock (_lock)
        {
            var isNew = !_hasProblem;
            _hasProblem = true;
            _problems[persistenceId] = JournalFailure.Explain(error);
            if (!isNew) return;
            _since = clock.GetUtcNow();
            say($"{Text()} Nothing is decided until it works again; ranks train on, and their reports wait with their agents.");
        }
    }

    public void Worked(string persistenceId)
    {
        if (!_hasProblem) return;       // the common case, once per event
        lock (_lock)
        {
            if (!_problems.Remove(persistenceId) || _problems.Count > 0) return;
            _hasProblem = false;
            say($"The journal ({journal}) works again, after {(clock.GetUtcNow() - _since).TotalSeconds:0} s.");
        }
    }

    // The newest failure of one writer stands for all: they write to the same place.
    private string Text() => $"The journal ({journal}) cannot be used: {_problems.Values.Last()}";
}
