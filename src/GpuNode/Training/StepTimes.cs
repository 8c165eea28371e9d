namespace Volley.GpuNode.Training;

/// <summary>Where steps spend their time on this rank, added up.</summary>
/// <remarks>On a GPU forward and backward only begin work: these are times of the host.</remarks>
internal sealed class StepTimes
{
    public TimeSpan Forward { get; private set; }

    public TimeSpan Backward { get; private set; }

    /// <summary>From the first forward to the sums over all shards.</summary>
    public TimeSpan Sums { get; set; }

    /// <summary>What adding up and exchanging take beside forward and backward: what was not hidden behind them.</summary>
    public TimeSpan Exchange => Sums - Forward - Backward;

    /// <summary>Checks, optimizer, average.</summary>
    public TimeSpan Update { get; set; }

    public void AddPart(TimeSpan forward, TimeSpan backward)
    {
        Forward += forward;
        Backward += backward;
    }

    public void Clear() => (Forward, Backward, Sums, Update) = (TimeSpan.Zero, TimeSpan.Zero, TimeSpan.Zero, TimeSpan.Zero);
}
