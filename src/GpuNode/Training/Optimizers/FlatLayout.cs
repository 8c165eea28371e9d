using System.Collections.Immutable;

namespace Volley.GpuNode.Training.Optimizers;

/// <summary>One parameter's place in a flat buffer. Offsets and counts in elements.</summary>
/// <param name="PaddedCount">Elements up to the next slot: the padding is always zero, so kernels may run over it.</param>
public sealed record FlatSlot(string Name, ImmutableArray<long> Shape, long Offset, long Count, long PaddedCount);

/// <summary>
/// Where each tensor lies in one buffer. Slots start at multiples of 64 bytes: a cache line, and one Vector512, so that an update
/// has no tail and a bucket of whole slots can be reduced with aligned loads.
/// </summary>
public sealed record FlatLayout(ImmutableArray<FlatSlot> Slots, long Length)
{
    public const int AlignmentBytes = 64;

    /// <param name="tensors">In the order in which they are to lie.</param>
    /// <param name="elementBytes">Bytes of one element.</param>
    public static FlatLayout Of(IEnumerable<(string Name, long[] Shape)> tensors, int elementBytes)
    {
        var step = AlignmentBytes / elementBytes;
        var offset = 0L;
        var slots = ImmutableArray.CreateBuilder<FlatSlot>();
        foreach (var (name, shape) in tensors)
        {
            var count = 1L;
            foreach (var size in shape) count *= size;
            var padded = (count + step - 1) / step * step;
            slots.Add(new FlatSlot(name, [.. shape], offset, count, padded));
            offset += padded;
        }
        return new FlatLayout(slots.ToImmutable(), offset);
    }
}
