using Volley.GpuNode.Collectives;

namespace Volley.GpuNode.Tests.Collectives;

public sealed class ReductionKernelTests
{
    [Fact]
    public void Sum_IsThePlainSumInTreeOrder_BitForBit()
    {
        foreach (var test in CollectiveCase.Over([1, 2, 3, 5, 8], [0, 1, 31, 1021, 4099]))
        {
            using var kernel = new ReductionKernel(SumTree.Of(test.Assignment));
            var leaves = Enumerable.Range(0, test.WorldSize).SelectMany(test.BuffersOf).Select(memory => OnTheWire(test, memory)).ToArray();
            using var destination = new AlignedMemory(test.Elements * sizeof(double));
            kernel.Sum([.. leaves.Select(leaf => leaf.Address)], destination.Address, test.Elements, test.Type, test.Wire);
            test.AssertEqual(test.Expected(), FromTheWire(test, destination), 0, test.Elements, "sum");
            // In place: the result may replace a leaf.
            kernel.Sum([.. leaves.Select(leaf => leaf.Address)], leaves[^1].Address, test.Elements, test.Type, test.Wire);
            test.AssertEqual(test.Expected(), FromTheWire(test, leaves[^1]), 0, test.Elements, "sum in place");
            foreach (var leaf in leaves) leaf.Dispose();
        }
    }

    [Theory]
    [InlineData(1.0f, 0x3F80)]
    [InlineData(-0.0f, 0x8000)]
    [InlineData(1.00390625f, 0x3F80)]                      // half-way between 1 and 1 + 2⁻⁷: to the even one below
    [InlineData(1.01171875f, 0x3F82)]                      // half-way: to the even one above
    [InlineData(float.MaxValue, 0x7F80)]                   // nearest is infinity
    [InlineData(float.NegativeInfinity, 0xFF80)]
    [InlineData(1e-45f, 0x0000)]
    public void Encode_RoundsToNearestEven(float value, int word)
    {
        Assert.Equal(word, BFloat16.Encode(value));
        // Both ways through the wide paths, in every lane.
        using var floats = new AlignedMemory(67 * sizeof(float));
        using var words = new AlignedMemory(67 * sizeof(ushort));
        floats.As<float>().Fill(value);
        BFloat16.Encode(floats.Address, words.Address, 67);
        Assert.All(words.As<ushort>().ToArray(), found => Assert.Equal(word, found));
        BFloat16.Decode(words.Address, floats.Address, 67);
        Assert.All(floats.As<float>().ToArray(), found => Assert.Equal(BFloat16.Decode((ushort)word), found));
    }

    [Fact]
    public void Encode_KeepsANaNOne_WhereverItsPayloadLies()
    {
        using var floats = new AlignedMemory(64 * sizeof(float));
        using var words = new AlignedMemory(64 * sizeof(ushort));
        floats.As<uint>().Fill(0x7F80_0001);
        BFloat16.Encode(floats.Address, words.Address, 64);
        Assert.All(words.As<ushort>().ToArray(), word => Assert.True(float.IsNaN(BFloat16.Decode(word))));
        Assert.True(float.IsNaN(BFloat16.Decode(BFloat16.Encode(BitConverter.UInt32BitsToSingle(0x7F80_0001)))));
    }

    [Fact]
    public void Over_RefusesPiecesThatAreNoSubtrees() =>
        Assert.Throws<ArgumentException>(() => SumTree.Over(new TreePiece(0, 4), [new TreePiece(0, 1), new TreePiece(1, 3)]));

    private static AlignedMemory OnTheWire(CollectiveCase test, AlignedMemory memory)
    {
        if (test.Wire == WireType.Same) return memory;
        var words = new AlignedMemory(test.Elements * sizeof(ushort));
        BFloat16.Encode(memory.Address, words.Address, test.Elements);
        memory.Dispose();
        return words;
    }

    private static AlignedMemory FromTheWire(CollectiveCase test, AlignedMemory memory)
    {
        if (test.Wire == WireType.Same) return memory;
        var floats = new AlignedMemory(test.Elements * sizeof(float));
        BFloat16.Decode(memory.Address, floats.Address, test.Elements);
        return floats;
    }
}
