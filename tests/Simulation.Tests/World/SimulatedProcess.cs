namespace Volley.Simulation.Tests.World;

/// <summary>Something that the kernel can stop, continue and kill: what happens to it waits, or is lost.</summary>
internal abstract class SimulatedProcess(VirtualTime time)
{
    private readonly Queue<Action> _waiting = new();

    protected VirtualTime Time => time;

    public bool IsDead { get; private set; }

    public bool IsStopped { get; private set; }

    /// <summary>Every event of a process comes through here.</summary>
    public void Run(Action action)
    {
        if (IsDead) return;
        if (IsStopped) _waiting.Enqueue(action);
        else action();
    }

    public void RunAfter(TimeSpan delay, Action action) => time.After(delay, () => Run(action));

    /// <summary>As an actor's mailbox: later in the same instant.</summary>
    public void RunSoon(Action action) => time.Soon(() => Run(action));

    /// <summary>SIGSTOP.</summary>
    public void Stop() => IsStopped = !IsDead;

    /// <summary>SIGCONT: what waited happens now, in its order.</summary>
    public void Continue()
    {
        if (!IsStopped) return;
        IsStopped = false;
        while (_waiting.TryDequeue(out var action)) RunSoon(action);
    }

    /// <summary>SIGKILL, or its own end.</summary>
    public void Kill()
    {
        if (IsDead) return;
        IsDead = true;
        IsStopped = false;
        _waiting.Clear();
        OnKilled();
    }

    protected virtual void OnKilled() { }
}
