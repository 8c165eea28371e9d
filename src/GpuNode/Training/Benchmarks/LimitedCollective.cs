using System.Diagnostics;
using Volley.GpuNode.Collectives;

namespace Volley.GpuNode.Training.Benchmarks;

/// <summary>A collective behind a narrow link: an operation is done no earlier than its bytes, and those before it, would have gone through. Shows on one machine what overlap is worth between machines.</summary>
internal sealed class LimitedCollective(ICollective inner, double bytesPerSecond) : ICollective
{
    private long _linkFreeAt;

    public int Position => inner.Position;
    public int WorldSize => inner.WorldSize;
    public ShardAssignment Shards => inner.Shards;
    public string Transport => $"{inner.Transport}, limited";

    public ICollectiveWork AllReduce(ReadOnlySpan<nint> pieces, long count, ElementType type, WireType wire, OperationName name) =>
        // A ring carries each byte twice over every link, less the share of the rank itself.
        Late(inner.AllReduce(pieces, count, type, wire, name), 2.0 * (WorldSize - 1) / WorldSize * count * Bytes(type) / (wire == WireType.BFloat16 ? 2 : 1));

    public ICollectiveWork ReduceScatter(ReadOnlySpan<nint> pieces, long count, ElementType type, WireType wire, OperationName name) =>
        Late(inner.ReduceScatter(pieces, count, type, wire, name), (WorldSize - 1.0) / WorldSize * count * Bytes(type));

    public ICollectiveWork AllGather(nint buffer, long count, ElementType type, OperationName name) =>
        Late(inner.AllGather(buffer, count, type, name), (WorldSize - 1.0) / WorldSize * count * Bytes(type));

    public ICollectiveWork Broadcast(nint buffer, long bytes, int root, OperationName name) => Late(inner.Broadcast(buffer, bytes, root, name), bytes);

    public ICollectiveWork Barrier(OperationName name) => inner.Barrier(name);

    public void Abort(string reason) => inner.Abort(reason);

    public void Dispose() => inner.Dispose();

    private static int Bytes(ElementType type) => type == ElementType.Float64 ? 8 : 4;

    private LateWork Late(ICollectiveWork work, double bytes)
    {
        _linkFreeAt = Math.Max(_linkFreeAt, Stopwatch.GetTimestamp()) + (long)(bytes / bytesPerSecond * Stopwatch.Frequency);
        return new LateWork(work, _linkFreeAt);
    }

    private sealed class LateWork(ICollectiveWork work, long notBefore) : ICollectiveWork
    {
        public bool IsDone => work.IsDone && Stopwatch.GetTimestamp() >= notBefore;

        public void Wait()
        {
            work.Wait();
            var left = notBefore - Stopwatch.GetTimestamp();
            if (left <= 0) return;
            using var never = new ManualResetEventSlim();
            never.Wait(TimeSpan.FromSeconds((double)left / Stopwatch.Frequency));
        }
    }
}
