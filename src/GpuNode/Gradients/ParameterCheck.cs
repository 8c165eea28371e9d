using System.IO.Hashing;
using Volley.GpuNode.Collectives;

namespace Volley.GpuNode.Gradients;

/// <summary>Compares the parameters of all ranks, bucket by bucket, through hashes: a rank that went astray (memory, a bug, another library) ends the attempt instead of spoiling it.</summary>
internal sealed class ParameterCheck(ICollective group, BucketPlan plan) : IDisposable
{
    /// <summary>11 M parameters take 4 ms to hash, which is then less than a thousandth of the steps between two checks.</summary>
    public const int EverySteps = 100;

    // Every rank's hashes are a chunk of the gathered buffer, and chunks are whole cache lines.
    private readonly int _slots = (plan.Buckets.Length + 7) / 8 * 8;
    private readonly AlignedMemory _hashes = new(8L * group.WorldSize * ((plan.Buckets.Length + 7) / 8 * 8));

    /// <param name="step">Names the operation.</param>
    /// <param name="parameters">All of the flat buffer.</param>
    /// <param name="elementBytes">Of one of its elements.</param>
    /// <exception cref="ParametersDifferException">On every rank alike.</exception>
    /// <exception cref="PeerLostException">The group is over.</exception>
    public void Run(long step, ReadOnlySpan<byte> parameters, int elementBytes)
    {
        var all = _hashes.As<ulong>();
        foreach (var bucket in plan.Buckets)
            all[group.Position * _slots + bucket.Number] = XxHash3.HashToUInt64(parameters.Slice(checked((int)(bucket.Start * elementBytes)), checked((int)(bucket.Length * elementBytes))));
        group.AllGather(_hashes.Address, (long)group.WorldSize * _slots, ElementType.Float64, new OperationName("parameter hashes", step)).Wait();
        foreach (var bucket in plan.Buckets)
        {
            var others = new List<int>();
            for (var peer = 1; peer < group.WorldSize; peer++)
                if (all[peer * _slots + bucket.Number] != all[bucket.Number]) others.Add(peer);
            if (others.Count > 0) throw new ParametersDifferException(step, bucket, plan.Layout.Slots[bucket.FirstSlot].Name, others, group.WorldSize);
        }
    }

    public void Dispose() => _hashes.Dispose();
}

/// <summary>A broken invariant: ranks that apply the same updates hold other parameters.</summary>
internal sealed class ParametersDifferException(long step, GradientBucket bucket, string firstParameter, IReadOnlyList<int> ranks, int worldSize) : Exception(
    $"Before step {step} the parameters of bucket {bucket.Number} (from {firstParameter} on) of rank {string.Join(", ", ranks)} of {worldSize} are not those of rank 0. "
    + "The attempt is over; look at these ranks' machines (memory errors, another libtorch or instruction set).")
{
    public long Step => step;

    public int Bucket => bucket.Number;

    /// <summary>Positions that differ from position 0.</summary>
    public IReadOnlyList<int> Ranks => ranks;
}
