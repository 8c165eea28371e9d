using Volley.GpuNode.Collectives;
using Volley.GpuNode.Gradients;
using Volley.Shared.Determinism;

namespace Volley.GpuNode.Tests.Collectives;

/// <summary>One exchange to check on any transport: what each rank puts in, and the plain sum in tree order that must come out.</summary>
/// <param name="Shards">S ≥ W, dealt evenly.</param>
internal sealed record CollectiveCase(int WorldSize, int Shards, long Elements, ElementType Type, WireType Wire)
{
    public ShardAssignment Assignment => ShardAssignment.Even(Shards, WorldSize);

    /// <summary>STYLE §3: world sizes, more shards than ranks (evenly dealt or not), all types that travel.</summary>
    public static IEnumerable<CollectiveCase> Over(int[] worldSizes, long[] elements) =>
        from worldSize in worldSizes
        from shards in (int[])[worldSize, worldSize + 1, 2 * worldSize + 3]
        from count in elements
        from kind in ((ElementType, WireType)[])[(ElementType.Float32, WireType.Same), (ElementType.Float64, WireType.Same), (ElementType.Float32, WireType.BFloat16)]
        select new CollectiveCase(worldSize, shards, count, kind.Item1, kind.Item2);

    public override string ToString() => $"W={WorldSize} S={Shards} n={Elements} {Type} as {Wire}";

    /// <summary>Of very different size and sign, so that another order of additions gives other bits.</summary>
    public double[] ValuesOf(TreePiece piece)
    {
        var random = KeyedRandom.For(7, "collective-case", piece.First, piece.Count);
        var values = new double[Elements];
        for (var i = 0L; i < Elements; i++)
        {
            var value = random.NextGaussian() * Math.Pow(2, random.NextInt(24) - 12);
            values[i] = Type == ElementType.Float32 ? (float)value : value;
        }
        return values;
    }

    /// <summary>The plain sum, element by element, with no code of the product but the tree's split.</summary>
    public double[] Expected()
    {
        var pieces = Assignment.AllPieces().ToDictionary(at => at.Piece, at => ValuesOf(at.Piece));
        var sum = new double[Elements];
        for (var i = 0L; i < Elements; i++) sum[i] = Rounded(SumOf(new TreePiece(0, Shards), i));
        return sum;

        double SumOf(TreePiece node, long i)
        {
            if (pieces.TryGetValue(node, out var values)) return Rounded(values[i]);
            var left = ShardTree.LeftCount(node.Count);
            var (a, b) = (SumOf(new TreePiece(node.First, left), i), SumOf(new TreePiece(node.First + left, node.Count - left), i));
            return Type == ElementType.Float32 ? (float)a + (float)b : a + b;
        }
    }

    public AlignedMemory[] BuffersOf(int position) => [.. Assignment.PiecesOf(position).Select(piece => Memory(ValuesOf(piece)))];

    public AlignedMemory Memory(double[] values)
    {
        var memory = new AlignedMemory(Elements * Type.Bytes());
        for (var i = 0; i < values.Length; i++)
        {
            if (Type == ElementType.Float32) memory.As<float>()[i] = (float)values[i];
            else memory.As<double>()[i] = values[i];
        }
        return memory;
    }

    /// <summary>Bit for bit, between two elements.</summary>
    public void AssertEqual(double[] expected, AlignedMemory found, long start, long length, string where)
    {
        for (var i = start; i < start + length; i++)
        {
            var value = Type == ElementType.Float32 ? found.As<float>()[(int)i] : found.As<double>()[(int)i];
            if (BitConverter.DoubleToInt64Bits(value) != BitConverter.DoubleToInt64Bits(expected[i]))
                Assert.Fail($"{this}, {where}: element {i} is {value:r}, must be {expected[i]:r}.");
        }
    }

    private double Rounded(double value)
    {
        if (Wire == WireType.Same) return value;
        // To nearest, ties to even, by distance, not by bits.
        var bits = BitConverter.SingleToUInt32Bits((float)value);
        var (below, above) = (BitConverter.UInt32BitsToSingle(bits & 0xFFFF_0000), BitConverter.UInt32BitsToSingle((bits & 0xFFFF_0000) + 0x1_0000));
        var (toBelow, toAbove) = (Math.Abs((double)value - below), Math.Abs((double)above - value));
        if (toBelow != toAbove) return toBelow < toAbove ? below : above;
        return ((bits >> 16) & 1) == 0 ? below : above;
    }
}
