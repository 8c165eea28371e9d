using Volley.GpuNode.Data;
using Volley.GpuNode.Data.Packed;
using Volley.GpuNode.Data.Sources;
using Volley.Shared.Determinism;

namespace Volley.GpuNode.Tests.Data;

public sealed class StrataTests : IDisposable
{
    private readonly DataFolder _folder = new();

    [Theory]
    [InlineData(new[] { 10, 10, 10 }, 6, new[] { 2, 2, 2 })]
    [InlineData(new[] { 10, 10, 10 }, 7, new[] { 3, 2, 2 })]      // a tie goes to the lower class
    [InlineData(new[] { 90, 9, 1 }, 10, new[] { 9, 1, 0 })]
    [InlineData(new[] { 96, 4 }, 10, new[] { 10, 0 })]
    [InlineData(new[] { 5, 0, 5 }, 10, new[] { 5, 0, 5 })]
    [InlineData(new[] { 3, 3 }, 0, new[] { 0, 0 })]
    [InlineData(new[] { 0, 0 }, 0, new[] { 0, 0 })]
    public void Quotas_FollowTheSizes_ByLargestRemainder(int[] sizes, int count, int[] expected) =>
        Assert.Equal(expected, Strata.Quotas(sizes, count));

    [Fact]
    public void Quotas_OfMoreThanThereIs_AreRefused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Strata.Quotas([3, 3], 7));

    [Fact]
    public void ARareLabel_IsInBothParts_OfImagesWithSeveral()
    {
        // 200 images carry the common labels 0 and 1; ten of them the rare label 2 as well.
        var path = _folder.At("several.volley");
        using (var builder = new PackedBuilder(path))
        {
            for (var i = 0; i < 200; i++)
                builder.Add("train", $"{i:D4}", i % 20 == 0 ? [0, 1, 2] : i % 2 == 0 ? [0] : [0, 1], DecodedImage.Grey(1, 1, [(byte)i]));
            builder.Finish("images-csv", "test", null, ["common", "half", "rare"], multiLabel: true, greyToOneChannel: true, null, null, TestContext.Current.CancellationToken);
        }
        using var packed = PackedFile.Open(path);
        var strata = new Strata(packed);
        for (ulong seed = 0; seed < 20; seed++)
        {
            var (taken, left) = strata.Take([.. Enumerable.Range(0, 200)], 40, new KeyedRandom(seed));

            Assert.Equal(2, taken.Count(image => packed.LabelRow(image)[2] == 1));
            Assert.Equal(8, left.Count(image => packed.LabelRow(image)[2] == 1));
            Assert.Equal(Enumerable.Range(0, 200), taken.Concat(left).Order());
        }
    }

    public void Dispose() => _folder.Dispose();
}
