using System.Collections.Immutable;
using Volley.GpuNode.Collectives;

namespace Volley.GpuNode.Training.Groups;

/// <summary>
/// What the ranks tell each other beside gradients, once a step: whether one was told to stop or to leave, and how long the last step
/// took to compute. All see the same words after the same step, so all stop after it.
/// </summary>
/// <remarks>
/// The words of a step are on their way while it computes: begun before it, waited for after it, when every rank has long said them.
/// </remarks>
internal sealed class GroupWords(RankGroup group, Func<bool> isNewerWanted, CancellationToken stop) : IDisposable
{
    // A cache line: the chunk of each rank in an all-gather (Chunks).
    private const int WordsPerRank = 8;

    private readonly AlignedMemory _words = new(group.WorldSize * WordsPerRank * sizeof(double));
    private ICollectiveWork? _underWay;

    /// <summary>Agreed on: alone, as soon as it is asked for.</summary>
    public bool MustStop => _mustStop || (group.Collective is null && stop.IsCancellationRequested);

    public bool MustLeave => _mustLeave || (group.Collective is null && isNewerWanted());

    private bool _mustStop;
    private bool _mustLeave;

    /// <summary>Seconds that each rank computed in the step before the last words; by position.</summary>
    public ImmutableArray<double> ComputeSeconds { get; private set; } = [];

    public void Begin(long step, double computeSeconds)
    {
        if (group.Collective is null) return;
        var own = _words.As<double>().Slice(group.Position * WordsPerRank, WordsPerRank);
        own[0] = stop.IsCancellationRequested ? 1 : 0;
        own[1] = isNewerWanted() ? 1 : 0;
        own[2] = computeSeconds;
        _underWay = group.Collective.AllGather(_words.Address, group.WorldSize * WordsPerRank, ElementType.Float64, new OperationName("words", step));
    }

    public void End()
    {
        if (_underWay is not { } work) return;
        _underWay = null;
        work.Wait();
        var words = _words.As<double>();
        var seconds = ImmutableArray.CreateBuilder<double>(group.WorldSize);
        for (var position = 0; position < group.WorldSize; position++)
        {
            _mustStop |= words[position * WordsPerRank] > 0;
            _mustLeave |= words[(position * WordsPerRank) + 1] > 0;
            seconds.Add(words[(position * WordsPerRank) + 2]);
        }
        ComputeSeconds = seconds.MoveToImmutable();
    }

    /// <summary>Whether a rank was told to stop, as exchanged elsewhere.</summary>
    public bool WantsStop => stop.IsCancellationRequested;

    public void AgreeToStop() => _mustStop = true;

    public void Dispose()
    {
        // Of a step that failed: the group was disposed before, so this ends at once, and the memory is free after it.
        try
        {
            _underWay?.Wait();
        }
        catch (PeerLostException)
        {
        }
        _words.Dispose();
    }
}
