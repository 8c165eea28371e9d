using System.Collections.Immutable;
using Volley.Shared.Messages;

namespace Volley.Coordinator.Sweeps;

/// <summary>What one command leads to: events to journal, the state after them, and what to do then.</summary>
/// <param name="Notes">What a person who gave the command should know: consequences, or that it held already.</param>
/// <param name="Refusal">Why a person's command cannot be followed; null: it can. Then nothing has changed.</param>
internal sealed record Decision(
    SweepState State, ImmutableArray<SweepEvent> Events, ImmutableArray<SweepEffect> Effects, ImmutableArray<string> Notes, string? Refusal)
{
    public IEnumerable<SweepEvent> Journaled => Events.Where(change => change is not VolatileEvent);
}

/// <summary>Collects a decision: each event is applied at once, so later steps of the same decision see it.</summary>
internal sealed class SweepTurn(SweepState state, DateTimeOffset now)
{
    private readonly ImmutableArray<SweepEvent>.Builder _events = ImmutableArray.CreateBuilder<SweepEvent>();
    private readonly ImmutableArray<SweepEffect>.Builder _effects = ImmutableArray.CreateBuilder<SweepEffect>();

    private readonly ImmutableArray<string>.Builder _notes = ImmutableArray.CreateBuilder<string>();
    private string? _refusal;

    public SweepState State { get; private set; } = state;

    public DateTimeOffset Now => now;

    public Decision Decision => new(State, _events.ToImmutable(), _effects.ToImmutable(), _notes.ToImmutable(), _refusal);

    public TrialState this[int trial] => State.Trials[trial];

    public void Emit(SweepEvent change)
    {
        State = State.Apply(change);
        _events.Add(change);
    }

    public void Do(SweepEffect effect) => _effects.Add(effect);

    public void Note(string note) => _notes.Add(note);

    public void Refuse(string reason)
    {
        if (_events.Count > 0) throw new InvalidOperationException($"{State.Id}: refused after {_events.Count} events: {reason}");
        _refusal = reason;
    }

    public void Answer(IVolleyMessage message) => Do(new Reply(message));
}
