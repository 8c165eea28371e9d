using System.Collections.Immutable;
using Volley.Shared.Messages;

namespace Volley.Coordinator.Sweeps;

/// <summary>What one command leads to: events to journal, the state after them, and what to do then.</summary>
internal sealed record Decision(SweepState State, ImmutableArray<SweepEvent> Events, ImmutableArray<SweepEffect> Effects)
{
    public IEnumerable<SweepEvent> Journaled => Events.Where(change => change is not VolatileEvent);
}

/// <summary>Collects a decision: each event is applied at once, so later steps of the same decision see it.</summary>
internal sealed class SweepTurn(SweepState state, DateTimeOffset now)
{
    private readonly ImmutableArray<SweepEvent>.Builder _events = ImmutableArray.CreateBuilder<SweepEvent>();
    private readonly ImmutableArray<SweepEffect>.Builder _effects = ImmutableArray.CreateBuilder<SweepEffect>();

    public SweepState State { get; private set; } = state;

    public DateTimeOffset Now => now;

    public Decision Decision => new(State, _events.ToImmutable(), _effects.ToImmutable());

    public TrialState this[int trial] => State.Trials[trial];

    public void Emit(SweepEvent change)
    {
        State = State.Apply(change);
        _events.Add(change);
    }

    public void Do(SweepEffect effect) => _effects.Add(effect);

    public void Answer(IVolleyMessage message) => Do(new Reply(message));
}
