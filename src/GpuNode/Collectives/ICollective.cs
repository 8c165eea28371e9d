namespace Volley.GpuNode.Collectives;

/// <summary>
/// Exchanges between the ranks of one attempt. Knows bytes and ranks, nothing about models. Every rank begins the same operations in the
/// same order; they run one after the other on a thread of the collective's own, so the caller computes meanwhile.
/// </summary>
/// <remarks>
/// Memory is the caller's, host memory, 64-byte aligned, and must stay where it is until <see cref="ICollectiveWork.Wait"/> has returned.
/// The sum is canonical (DESIGN §4): one binary tree over the shards, whatever the transport, chunking and number of ranks. After a failure
/// the collective is over: every operation under way or begun later fails with the same exception, and the group is built anew.
/// Not thread-safe: one thread begins operations.
/// </remarks>
public interface ICollective : IDisposable
{
    /// <summary>This rank's place among the members, 0 … <see cref="WorldSize"/> − 1: the index, not the rank's number in the trial.</summary>
    int Position { get; }

    int WorldSize { get; }

    /// <summary>Which shards each rank contributes, and in which pieces.</summary>
    ShardAssignment Shards { get; }

    /// <summary>shm | tcp | hierarchical | nccl | memory: for logs and metric labels.</summary>
    string Transport { get; }

    /// <summary>Sum over the shards of all ranks, to all ranks.</summary>
    /// <param name="pieces">One buffer for each of this rank's <see cref="ShardAssignment.PiecesOf"/>, in that order: [count] of <paramref name="type"/>. The result replaces the first one; the others' contents are undefined afterwards.</param>
    /// <param name="count">Elements; 0 is allowed.</param>
    ICollectiveWork AllReduce(ReadOnlySpan<nint> pieces, long count, ElementType type, WireType wire, OperationName name);

    /// <summary>The same sum; rank p gets chunk p of <see cref="Chunks"/> in the first piece, at its own offset. The rest of it is undefined.</summary>
    ICollectiveWork ReduceScatter(ReadOnlySpan<nint> pieces, long count, ElementType type, WireType wire, OperationName name);

    /// <summary>Rank p has chunk p of <see cref="Chunks"/> in <paramref name="buffer"/>; all get all of it.</summary>
    ICollectiveWork AllGather(nint buffer, long count, ElementType type, OperationName name);

    /// <summary>Bytes of the rank at <paramref name="root"/>, to all.</summary>
    ICollectiveWork Broadcast(nint buffer, long bytes, int root, OperationName name);

    /// <summary>Done when every rank has begun it.</summary>
    ICollectiveWork Barrier(OperationName name);

    /// <summary>Makes every operation under way on this rank fail at once, and tells the peers. Any thread; more than once.</summary>
    void Abort(string reason);
}

/// <summary>An operation under way.</summary>
public interface ICollectiveWork
{
    bool IsDone { get; }

    /// <summary>Blocks until it is done on this rank; its buffers may be used again.</summary>
    /// <exception cref="PeerLostException">A peer died, was silent for too long, or left.</exception>
    void Wait();
}

/// <summary>Of the memory that is reduced; sums are made in it.</summary>
public enum ElementType { Float32, Float64 }

/// <summary>What travels. BFloat16 (float32 sums only): each contribution is rounded once, the sum is made in float32, the result rounded once.</summary>
public enum WireType { Same, BFloat16 }

/// <summary>Names an operation in errors: "all-reduce of bucket 3 at step 1200".</summary>
/// <param name="What">bucket, batch-norm, state, parameter-hash, …</param>
/// <param name="Step">Of the run; −1 outside steps.</param>
/// <param name="Bucket">−1: none.</param>
public readonly record struct OperationName(string What, long Step = -1, int Bucket = -1)
{
    public override string ToString() => $"{What}{(Bucket >= 0 ? $" {Bucket}" : "")}{(Step >= 0 ? $" at step {Step}" : "")}";
}

/// <summary>How elements are divided into one chunk per rank: equal, at multiples of 64 bytes, the last ones may be short or empty.</summary>
public static class Chunks
{
    /// <returns>Start and length in elements.</returns>
    public static (long Start, long Length) Of(long count, int worldSize, int position, int elementBytes)
    {
        var step = 64 / elementBytes;
        var size = (((count + worldSize - 1) / worldSize) + step - 1) / step * step;
        var start = Math.Min(count, size * position);
        return (start, Math.Min(size, count - start));
    }
}
