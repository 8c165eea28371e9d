namespace Volley.Models;

/// <summary>Adds up what a batch norm counts over its images with what others count over theirs, so that its statistics are those of all.</summary>
public interface INormSums
{
    /// <summary>The sum over everyone of numbers that each gives; norms ask in the order of forward, then of backward, the same everywhere.</summary>
    double[] Sum(double[] own);

    /// <summary>The images are stand-ins: they walk along and count nothing.</summary>
    bool IsBlank { get; }

    /// <summary>This forward updates the running statistics; another with the same sums does not.</summary>
    bool UpdatesStatistics { get; }
}

/// <summary>Where norms in training find out that others share their statistics.</summary>
public static class NormSynchronisation
{
    [ThreadStatic] private static INormSums? t_current;

    /// <summary>Of forwards on this thread; their backwards use what it was then. Null: a norm's statistics are those of its input.</summary>
    public static INormSums? Current
    {
        get => t_current;
        set => t_current = value;
    }
}
