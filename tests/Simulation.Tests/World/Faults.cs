namespace Volley.Simulation.Tests.World;

/// <summary>What goes wrong, and how often. All zero: an undisturbed run.</summary>
internal sealed record FaultMix
{
    public static readonly FaultMix None = new();

    public static readonly FaultMix Many = new()
    {
        Drop = 0.08, Repeat = 0.08, Late = 0.02, CrashAtPersist = 0.004, JournalError = 0.002, StrikeEvery = 2.5, Trouble = TimeSpan.FromSeconds(75),
    };

    /// <summary>Of each message between machines: it never arrives.</summary>
    public double Drop { get; init; }

    /// <summary>It arrives twice.</summary>
    public double Repeat { get; init; }

    /// <summary>It takes seconds, and others overtake it.</summary>
    public double Late { get; init; }

    /// <summary>Of each write to the journal: the coordinator dies, half of the time before it and half of the time right after it.</summary>
    public double CrashAtPersist { get; init; }

    /// <summary>Of each write to the journal: it fails.</summary>
    public double JournalError { get; init; }

    /// <summary>Mean seconds between the faults of <see cref="Strikes"/>.</summary>
    public double StrikeEvery { get; init; }

    /// <summary>So long things go wrong; then everything works, and the sweeps must end.</summary>
    public TimeSpan Trouble { get; init; }
}

/// <summary>Decides what goes wrong in one run, keeps a list of it, and leaves out what it is told to leave out.</summary>
internal sealed class Faults(FaultMix mix, IReadOnlySet<string> suppressed)
{
    private readonly List<string> _struck = [];

    public FaultMix Mix => mix;

    /// <summary>Nothing goes wrong any more.</summary>
    public bool IsCalm { get; set; }

    /// <summary>Names of everything that went wrong, in order.</summary>
    public IReadOnlyList<string> Struck => _struck;

    /// <param name="isDrawn">What chance says.</param>
    /// <param name="name">Unique in a run, and the same in every run of the seed.</param>
    public bool Strike(bool isDrawn, Func<string> name)
    {
        if (!isDrawn || IsCalm) return false;
        var fault = name();
        if (suppressed.Contains(fault)) return false;
        _struck.Add(fault);
        return true;
    }
}
