using Volley.GpuNode.Data;
using Volley.GpuNode.Data.Augmentation.RandAugment;
using Volley.Shared.Config;

namespace Volley.GpuNode.Tests.Data.Augmentation;

public sealed class RecipeTests
{
    [Fact]
    public void TheReferencesRecipe_IsRead()
    {
        var recipe = Recipe.Parse("rand-m9-n1-mstd0.4-inc1")!;

        Assert.Equal((9.0, 1, 0.4, true, 0.5, 15), (recipe.Magnitude, recipe.Layers, recipe.MagnitudeStd, recipe.IsIncreasing, recipe.Probability, recipe.Operations.Count));
    }

    [Fact]
    public void SpikformersFewerOperations_AreRead() =>
        Assert.Equal([Operation.Equalize, Operation.Rotate, Operation.ShearX], Recipe.Parse("rand-m9-ops=Equalize+rotate+ShearX")!.Operations);

    [Theory]
    [InlineData("none")]
    [InlineData("")]
    public void NoRecipe_IsNull(string text) => Assert.Null(Recipe.Parse(text));

    [Theory]
    [InlineData("auto-m9", "begins with 'auto'")]
    [InlineData("rand-m", "has 'm'; a number from 0 to 30")]
    [InlineData("rand-m9-x3", "unknown part 'x3'")]
    [InlineData("rand-m9-n0", "has 'n0'; a number from 1 to 15")]
    [InlineData("rand-n1.5", "has 'n1.5'; a whole number")]
    [InlineData("rand-p1.5", "has 'p1.5'; a number from 0 to 1")]
    [InlineData("rand-m9--n1", "unknown part ''")]
    [InlineData("rand-ops=Blur", "names the operation 'Blur'; known are AutoContrast")]
    [InlineData("rand-ops=3", "names the operation '3'")]
    [InlineData("rand-ops=", "names the operation ''")]
    public void ABadRecipe_SaysWhatIsWrong(string text, string expected)
    {
        var error = Assert.Throws<ConfigException>(() => Recipe.Parse(text));

        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.StartsWith("train.augment.randaugment:", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AnImage_GetsTheSameOperationsEachTime_AndOthersInAnotherEpoch()
    {
        var shape = new ImageShape(3, 16, 16);
        var operations = new RandomOperations(Recipe.Parse("rand-m9-n2-mstd0.5-p1")!, shape, [1, 2, 3], seed: 8);

        byte[] Run(int epoch, int image)
        {
            var pixels = Enumerable.Range(0, shape.Bytes).Select(i => (byte)(i * 7 + i / 16)).ToArray();
            operations.Apply(pixels, new byte[shape.Bytes], epoch, image);
            return pixels;
        }

        Assert.Equal(Run(3, 40), Run(3, 40));
        Assert.NotEqual(Run(3, 40), Run(4, 40));
        Assert.NotEqual(Run(3, 40), Run(3, 41));
    }

    [Fact]
    public void AProbability_AppliesThatPartOfTheOperations()
    {
        var shape = new ImageShape(1, 4, 4);
        var operations = new RandomOperations(Recipe.Parse("rand-m9-n1-p0.3-ops=Invert")!, shape, [0], seed: 8);

        var changed = Enumerable.Range(0, 2000).Count(image =>
        {
            var pixels = new byte[16];
            operations.Apply(pixels, new byte[16], 0, image);
            return pixels[0] == 255;
        });

        Assert.InRange(changed, 540, 660);
    }
}
