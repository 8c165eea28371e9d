namespace Volley.GpuNode.Data;

/// <summary>Memory of one batch, used again and again.</summary>
/// <param name="targetClasses">0: labels are plain class numbers, there are no targets.</param>
internal sealed class BatchBuffer(int images, int imagePixels, int targetClasses)
{
    public float[] Pixels { get; } = new float[images * imagePixels];
    public long[] Labels { get; } = new long[images];
    public float[]? Targets { get; } = targetClasses > 0 ? new float[images * targetClasses] : null;

    public Span<float> TargetRow(int row) => Targets.AsSpan(row * targetClasses, targetClasses);
}

/// <summary>Fills a buffer with what a plan says. Used by one thread at a time.</summary>
internal interface IBatchMaker
{
    ImageBatch Make(BatchPlan plan, BatchBuffer buffer);
}
