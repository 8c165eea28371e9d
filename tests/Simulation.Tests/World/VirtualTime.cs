namespace Volley.Simulation.Tests.World;

/// <summary>Time that jumps from event to event. Events of the same instant run in the order in which they were asked for.</summary>
internal sealed class VirtualTime
{
    private readonly PriorityQueue<Action, (long Ticks, long Order)> _events = new();
    private long _order;

    public DateTimeOffset Now { get; private set; } = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Events run so far.</summary>
    public long Events { get; private set; }

    public void At(DateTimeOffset time, Action action) => _events.Enqueue(action, (Math.Max(time.Ticks, Now.Ticks), _order++));

    public void After(TimeSpan delay, Action action) => At(Now + delay, action);

    /// <summary>After everything that is due now.</summary>
    public void Soon(Action action) => At(Now, action);

    public bool Next()
    {
        if (!_events.TryDequeue(out var action, out var due)) return false;
        Now = new DateTimeOffset(due.Ticks, TimeSpan.Zero);
        Events++;
        action();
        return true;
    }
}
