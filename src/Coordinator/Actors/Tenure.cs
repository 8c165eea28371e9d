namespace Volley.Coordinator.Actors;

/// <summary>
/// One life of the singleton on one machine, through every restart of its actor. An actor that stopped on a journal error comes back and
/// takes the next term; but if another coordinator took one meanwhile, this one was replaced without noticing, and must not take it back.
/// </summary>
internal sealed class Tenure
{
    private long? _term;

    /// <summary>Written with each term: a term whose write failed may be in the journal all the same, and is recognised.</summary>
    public string Id { get; } = Guid.NewGuid().ToString("n");

    public void Begin(long term) => _term = term;

    /// <param name="term">The newest in the journal.</param>
    /// <param name="holder">Who wrote it.</param>
    public bool IsOverSince(long term, string? holder)
    {
        if (_term is { } mine && term > mine && holder != Id) return true;
        _term = term;
        return false;
    }
}
