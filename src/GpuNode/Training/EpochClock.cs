namespace Volley.GpuNode.Training;

/// <summary>Times of the epoch under way, for people only: nothing that is learned depends on it.</summary>
internal sealed class EpochClock
{
    private readonly TimeProvider _time;
    private readonly EpochTally _tally;
    private long _secondsFrom;
    private long _progressFrom;
    private double _lossSumBefore;
    private long _imagesBefore;

    public EpochClock(TimeProvider time, EpochTally tally, RunState start)
    {
        (_time, _tally) = (time, tally);
        _secondsFrom = _progressFrom = time.GetTimestamp();
        (_lossSumBefore, _imagesBefore) = (start.EpochLossSum, start.EpochImages);
    }

    public TimeSpan SinceProgress => _time.GetElapsedTime(_progressFrom);

    /// <returns>Seconds since the last call, or since the start.</returns>
    public double TakeSeconds()
    {
        var now = _time.GetTimestamp();
        var seconds = _time.GetElapsedTime(_secondsFrom, now).TotalSeconds;
        _secondsFrom = now;
        return seconds;
    }

    /// <returns>Mean loss and images per second since the last call; null where no image was trained on since.</returns>
    public (double Loss, double ImagesPerSecond)? TakeProgress()
    {
        var images = _tally.Images - _imagesBefore;
        if (images == 0) return null;
        var lossSum = _tally.Read().LossSum;
        var seconds = Math.Max(SinceProgress.TotalSeconds, 1e-9);
        var progress = ((lossSum - _lossSumBefore) / images, images / seconds);
        (_lossSumBefore, _imagesBefore, _progressFrom) = (lossSum, _tally.Images, _time.GetTimestamp());
        return progress;
    }
}
