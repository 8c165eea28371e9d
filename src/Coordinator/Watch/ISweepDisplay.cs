namespace Volley.Coordinator.Watch;

/// <summary>Shows a sweep while it runs.</summary>
internal interface ISweepDisplay : IDisposable
{
    /// <param name="lines">What happened since the last time.</param>
    void Show(SweepWatch watch, IReadOnlyList<string> lines);

    /// <summary>Something about the run itself.</summary>
    void Say(string line);
}

/// <summary>A line per event, for logs and pipes.</summary>
internal sealed class PlainDisplay(TextWriter writer, TimeProvider clock) : ISweepDisplay
{
    private readonly long _start = clock.GetTimestamp();

    public void Show(SweepWatch watch, IReadOnlyList<string> lines)
    {
        foreach (var line in lines) Say(line);
    }

    public void Say(string line) => writer.WriteLine($"{clock.GetElapsedTime(_start).TotalSeconds,7:0.0} s  {line}");

    public void Dispose() => writer.Flush();
}
