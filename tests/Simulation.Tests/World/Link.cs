namespace Volley.Simulation.Tests.World;

/// <summary>One direction between two addresses: in order, as Akka promises between a pair, unless a fault says otherwise.</summary>
internal sealed class Link(string name, ulong seed, VirtualTime time, Faults faults)
{
    private Luck _luck = new(seed, name);
    private DateTimeOffset _lastArrival = DateTimeOffset.MinValue;

    public void Send(Action arrive)
    {
        var random = _luck.Next();
        var number = _luck.Drawn;
        var delay = random.Between(0.0005, 0.03);
        if (faults.Strike(random.Chance(faults.Mix.Drop), () => $"drop {name} #{number}")) return;
        if (faults.Strike(random.Chance(faults.Mix.Late), () => $"late {name} #{number}"))
        {
            time.After(random.Between(0.1, 8), arrive);
            return;
        }
        var at = time.Now + delay;
        if (at < _lastArrival) at = _lastArrival;
        _lastArrival = at;
        time.At(at, arrive);
        if (faults.Strike(random.Chance(faults.Mix.Repeat), () => $"repeat {name} #{number}")) time.At(at + random.Between(0, 3), arrive);
    }
}
