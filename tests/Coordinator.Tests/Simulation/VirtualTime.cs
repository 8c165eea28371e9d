using Volley.Shared.Determinism;

namespace Volley.Coordinator.Tests.Simulation;

/// <summary>Time that jumps from event to event, and one seeded generator for everything that is left to chance.</summary>
internal sealed class VirtualTime(ulong seed)
{
    private readonly PriorityQueue<Action, (DateTimeOffset At, long Order)> _events = new();
    private KeyedRandom _random = KeyedRandom.For(seed, "simulation");
    private long _order;

    public DateTimeOffset Now { get; private set; } = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Events run so far.</summary>
    public long Steps { get; private set; }

    public double Draw() => _random.NextDouble();

    public int Draw(int exclusiveMax) => _random.NextInt(exclusiveMax);

    public bool Chance(double probability) => Draw() < probability;

    public TimeSpan Between(double lowSeconds, double highSeconds) => TimeSpan.FromSeconds(lowSeconds + (Draw() * (highSeconds - lowSeconds)));

    public void At(DateTimeOffset time, Action action) => _events.Enqueue(action, (time < Now ? Now : time, _order++));

    public void After(TimeSpan delay, Action action) => At(Now + delay, action);

    public bool Next()
    {
        if (!_events.TryDequeue(out var action, out var key)) return false;
        Now = key.At;
        Steps++;
        action();
        return true;
    }
}

/// <summary>What goes wrong, and how often. All zero: an undisturbed run.</summary>
/// <param name="Drop">Of each message.</param>
/// <param name="Repeat">Of each message: it arrives twice.</param>
/// <param name="CrashAfterPersist">Of each decision: the coordinator dies between the journal and the effects.</param>
/// <param name="FaultEvery">Mean seconds between kills of ranks, agents, the coordinator, and cut links.</param>
/// <param name="Damage">Of each checkpoint: it cannot be read back.</param>
internal sealed record Faults(double Drop, double Repeat, double CrashAfterPersist, double FaultEvery, double Damage)
{
    public static readonly Faults None = new(0, 0, 0, 0, 0);
    public static readonly Faults Many = new(Drop: 0.1, Repeat: 0.1, CrashAfterPersist: 0.01, FaultEvery: 3, Damage: 0.1);
}
