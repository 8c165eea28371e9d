using System.Diagnostics;
using Volley.GpuNode.Collectives;

namespace Volley.GpuNode.Training.Groups;

/// <summary>Adds up how long this rank waits for others, so that what is left of a step is its own.</summary>
internal sealed class TimedCollective(ICollective inner) : ICollective
{
    private long _waited;

    public int Position => inner.Position;

    public int WorldSize => inner.WorldSize;

    public ShardAssignment Shards => inner.Shards;

    public string Transport => inner.Transport;

    /// <returns>Since the last call.</returns>
    public TimeSpan TakeWaited()
    {
        var waited = Stopwatch.GetElapsedTime(0, _waited);
        _waited = 0;
        return waited;
    }

    public ICollectiveWork AllReduce(ReadOnlySpan<nint> pieces, long count, ElementType type, WireType wire, OperationName name) => new Work(this, inner.AllReduce(pieces, count, type, wire, name));

    public ICollectiveWork ReduceScatter(ReadOnlySpan<nint> pieces, long count, ElementType type, WireType wire, OperationName name) => new Work(this, inner.ReduceScatter(pieces, count, type, wire, name));

    public ICollectiveWork AllGather(nint buffer, long count, ElementType type, OperationName name) => new Work(this, inner.AllGather(buffer, count, type, name));

    public ICollectiveWork Broadcast(nint buffer, long bytes, int root, OperationName name) => new Work(this, inner.Broadcast(buffer, bytes, root, name));

    public ICollectiveWork Barrier(OperationName name) => new Work(this, inner.Barrier(name));

    public void Abort(string reason) => inner.Abort(reason);

    public void Dispose() => inner.Dispose();

    private sealed class Work(TimedCollective owner, ICollectiveWork inner) : ICollectiveWork
    {
        public bool IsDone => inner.IsDone;

        public void Wait()
        {
            var began = Stopwatch.GetTimestamp();
            try
            {
                inner.Wait();
            }
            finally
            {
                owner._waited += Stopwatch.GetTimestamp() - began;
            }
        }
    }
}
