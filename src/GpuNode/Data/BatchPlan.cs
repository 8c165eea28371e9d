namespace Volley.GpuNode.Data;

/// <summary>What one batch holds, before its pixels are made: work for a preparing thread.</summary>
/// <param name="Images">The whole step's image numbers, in order (evaluation: the batch's).</param>
/// <param name="First">The batch's first position in them.</param>
internal sealed record BatchPlan(int Epoch, int Step, int Shard, ReadOnlyMemory<int> Images, int First, int Count);
