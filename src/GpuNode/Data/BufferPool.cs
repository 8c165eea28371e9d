namespace Volley.GpuNode.Data;

/// <summary>Keeps the rings of finished epochs and evaluations for the next ones.</summary>
internal sealed class BufferPool(int imagePixels)
{
    // A ring deeper than this many bytes holds batches that are not needed for a long time yet.
    private const long MostRingBytes = 512L << 20;

    private readonly Lock _gate = new();
    private readonly Dictionary<(int Images, int TargetClasses), Stack<BatchBuffer>> _idle = [];

    /// <summary>One buffer in use, one for each worker, one in reserve; fewer where batches are huge, but never fewer than two.</summary>
    public BatchBuffer[] RentRing(int workers, int images, int targetClasses)
    {
        var bytes = Math.Max(1, (long)images * imagePixels * sizeof(float));
        var ring = new BatchBuffer[(int)Math.Clamp(MostRingBytes / bytes, 2, workers + 2)];
        lock (_gate)
        {
            for (var i = 0; i < ring.Length; i++)
                ring[i] = _idle.TryGetValue((images, targetClasses), out var idle) && idle.TryPop(out var buffer) ? buffer : new(images, imagePixels, targetClasses);
        }
        return ring;
    }

    public void Return(BatchBuffer[] ring, int images, int targetClasses)
    {
        lock (_gate)
        {
            if (!_idle.TryGetValue((images, targetClasses), out var idle)) _idle[(images, targetClasses)] = idle = [];
            foreach (var buffer in ring) idle.Push(buffer);
        }
    }
}
