using System.Numerics;
using System.Runtime.Intrinsics;

namespace Volley.GpuNode.Collectives;

/// <summary>
/// Adds pieces in the canonical order (<see cref="SumTree"/>) over raw memory. The order of additions of an element never depends on where
/// it lies, on the hardware's width or on how a buffer was cut, so chunks and segments may be reduced by whoever holds them.
/// </summary>
/// <remarks>Owns scratch memory: one sum at a time.</remarks>
internal sealed unsafe class ReductionKernel : IDisposable
{
    // Intermediate sums of a block stay in the first-level cache (32 KB and more): at most a few blocks of 4 KB (f64: 8 KB) live at once.
    private const int BlockElements = 1024;

    private readonly SumTree _tree;
    private readonly AlignedMemory _scratch;
    private readonly AlignedMemory _widened;

    public ReductionKernel(SumTree tree)
    {
        _tree = tree;
        _scratch = new AlignedMemory((long)tree.ScratchCount * BlockElements * sizeof(double));
        _widened = new AlignedMemory((long)(tree.Leaves + 1) * BlockElements * sizeof(float));
    }

    /// <summary>All of them in the type that travels: <paramref name="wire"/> BFloat16 means 2-byte words, sums in float32, the result rounded once.</summary>
    /// <param name="leaves">One per leaf of the tree, [count] each.</param>
    /// <param name="destination">[count]; may be one of the leaves, may not overlap them otherwise.</param>
    public void Sum(ReadOnlySpan<nint> leaves, nint destination, long count, ElementType type, WireType wire)
    {
        if (leaves.Length != _tree.Leaves) throw new ArgumentException($"{leaves.Length} pieces given to a sum of {_tree.Leaves}.");
        var bytes = type.WireBytes(wire);
        if (_tree.IsOneLeaf)
        {
            if (leaves[0] != destination) Buffer.MemoryCopy((void*)leaves[0], (void*)destination, count * bytes, count * bytes);
            return;
        }
        Span<nint> at = stackalloc nint[leaves.Length];
        // Without intermediate sums nothing has to stay in a cache: one pass.
        var block = _tree.ScratchCount == 0 && wire == WireType.Same ? Math.Max(count, 1) : BlockElements;
        for (var start = 0L; start < count; start += block)
        {
            var length = (nuint)Math.Min(block, count - start);
            for (var leaf = 0; leaf < at.Length; leaf++) at[leaf] = leaves[leaf] + (nint)(start * bytes);
            var target = destination + (nint)(start * bytes);
            if (wire == WireType.BFloat16) SumRounded(at, target, length);
            else if (type == ElementType.Float32) SumBlock<float>(at, target, length);
            else SumBlock<double>(at, target, length);
        }
    }

    public void Dispose()
    {
        _scratch.Dispose();
        _widened.Dispose();
    }

    private void SumRounded(Span<nint> words, nint destination, nuint length)
    {
        for (var leaf = 0; leaf < words.Length; leaf++)
        {
            var floats = _widened.Address + leaf * BlockElements * sizeof(float);
            BFloat16.Decode(words[leaf], floats, (long)length);
            words[leaf] = floats;
        }
        var sum = _widened.Address + words.Length * BlockElements * sizeof(float);
        SumBlock<float>(words, sum, length);
        BFloat16.Encode(sum, destination, (long)length);
    }

    private void SumBlock<T>(ReadOnlySpan<nint> leaves, nint destination, nuint length) where T : unmanaged, IFloatingPointIeee754<T>
    {
        foreach (var step in _tree.Steps)
        {
            var o = step.Operands;
            var to = At(step.Target, leaves, destination);
            switch (o.Length)
            {
                case 2: Add(At(o[0], leaves, destination), At(o[1], leaves, destination), to, length); break;
                case 3: Add(At(o[0], leaves, destination), At(o[1], leaves, destination), At(o[2], leaves, destination), to, length); break;
                default: Add(At(o[0], leaves, destination), At(o[1], leaves, destination), At(o[2], leaves, destination), At(o[3], leaves, destination), to, length); break;
            }
        }

        T* At(SumTree.Operand operand, ReadOnlySpan<nint> leaves, nint destination) => (T*)(operand.Kind switch
        {
            SumTree.OperandKind.Leaf => leaves[operand.Index],
            SumTree.OperandKind.Scratch => _scratch.Address + operand.Index * BlockElements * sizeof(double),
            _ => destination,
        });
    }

    private static void Add<T>(T* a, T* b, T* to, nuint length) where T : unmanaged, IFloatingPointIeee754<T>
    {
        nuint i = 0;
        if (Vector512.IsHardwareAccelerated)
            for (; i + (nuint)Vector512<T>.Count <= length; i += (nuint)Vector512<T>.Count)
                (Vector512.Load(a + i) + Vector512.Load(b + i)).Store(to + i);
        else if (Vector256.IsHardwareAccelerated)
            for (; i + (nuint)Vector256<T>.Count <= length; i += (nuint)Vector256<T>.Count)
                (Vector256.Load(a + i) + Vector256.Load(b + i)).Store(to + i);
        for (; i < length; i++) to[i] = a[i] + b[i];
    }

    private static void Add<T>(T* a, T* b, T* c, T* to, nuint length) where T : unmanaged, IFloatingPointIeee754<T>
    {
        nuint i = 0;
        if (Vector512.IsHardwareAccelerated)
            for (; i + (nuint)Vector512<T>.Count <= length; i += (nuint)Vector512<T>.Count)
                (Vector512.Load(a + i) + Vector512.Load(b + i) + Vector512.Load(c + i)).Store(to + i);
        else if (Vector256.IsHardwareAccelerated)
            for (; i + (nuint)Vector256<T>.Count <= length; i += (nuint)Vector256<T>.Count)
                (Vector256.Load(a + i) + Vector256.Load(b + i) + Vector256.Load(c + i)).Store(to + i);
        for (; i < length; i++) to[i] = a[i] + b[i] + c[i];
    }

    private static void Add<T>(T* a, T* b, T* c, T* d, T* to, nuint length) where T : unmanaged, IFloatingPointIeee754<T>
    {
        nuint i = 0;
        if (Vector512.IsHardwareAccelerated)
            for (; i + (nuint)Vector512<T>.Count <= length; i += (nuint)Vector512<T>.Count)
                ((Vector512.Load(a + i) + Vector512.Load(b + i)) + (Vector512.Load(c + i) + Vector512.Load(d + i))).Store(to + i);
        else if (Vector256.IsHardwareAccelerated)
            for (; i + (nuint)Vector256<T>.Count <= length; i += (nuint)Vector256<T>.Count)
                ((Vector256.Load(a + i) + Vector256.Load(b + i)) + (Vector256.Load(c + i) + Vector256.Load(d + i))).Store(to + i);
        for (; i < length; i++) to[i] = (a[i] + b[i]) + (c[i] + d[i]);
    }
}
