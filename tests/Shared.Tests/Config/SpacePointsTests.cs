using Volley.Shared.Config;
using Volley.Shared.Config.Yaml;
using Volley.Shared.Tests.Config.Yaml;

namespace Volley.Shared.Tests.Config;

public sealed class SpacePointsTests
{
    private static readonly SweepSpec Grid = SweepFile.Parse("""
        search: { algorithm: grid }
        train:
          dataset: { name: cifar10 }
          optimizer: { lr: { values: [0.1, 0.2] } }
          model:
            choose:
              - { name: resnet18, width: { values: [8, 16] } }
              - { name: vit, depth: { int_uniform: [1, 3] }, heads: { values: [4, 8] } }
          epochs: { values: [1, 2] }
        """, "grid.yaml");

    [Fact]
    public void Count_MultipliesKeysAndAddsOptions() => Assert.Equal(2 * (2 + (3 * 2)) * 2, SpacePoints.Count(Grid.Space));

    [Fact]
    public void At_GivesEveryPointOnce_LastKeyFastest()
    {
        var points = Enumerable.Range(0, 32).Select(i => SpacePoints.At(Grid.Space, i)).ToList();

        Assert.Equal(32, points.Distinct().Count());
        Assert.Equal("optimizer.lr=0.1 model=resnet18 model.width=8 epochs=1", points[0].ToString());
        Assert.Equal("optimizer.lr=0.1 model=resnet18 model.width=8 epochs=2", points[1].ToString());
        Assert.Equal("optimizer.lr=0.1 model=resnet18 model.width=16 epochs=1", points[2].ToString());
        Assert.Equal("optimizer.lr=0.1 model=vit model.depth=1 model.heads=4 epochs=1", points[4].ToString());
        Assert.Equal("optimizer.lr=0.2 model=vit model.depth=3 model.heads=8 epochs=2", points[31].ToString());
    }

    [Fact]
    public void At_ResolvesEverywhere()
    {
        for (var i = 0; i < 32; i++) TrialResolver.Resolve(Grid, i, SpacePoints.At(Grid.Space, i));
    }

    [Fact]
    public void Count_IsNull_WhereARangeIsContinuous() => Assert.Null(SpacePoints.Count(SweepFile.Parse(SweepFileTests.DesignExample, "x").Space));

    [Fact]
    public void Sample_IsTheSame_ForSeedAndTrial_AndStaysInRange()
    {
        var space = SweepFile.Parse(SweepFileTests.DesignExample, "x").Space;
        var seen = new HashSet<string>();
        for (var trial = 0; trial < 500; trial++)
        {
            var point = SpacePoints.Sample(space, 7, trial);
            Assert.Equal(point, SpacePoints.Sample(space, 7, trial));
            Assert.InRange(double.Parse(point.Find("optimizer.lr")!), 1e-4, 3e-3);
            seen.Add(point.Find("model")!);
            if (point.Find("model") == "vit") Assert.Contains(point.Find("model.embed_dim"), new[] { "96", "128", "160", "192", "224", "256" });
        }
        Assert.Equal(["resnet18", "sdt", "spikformer", "vit"], seen.Order());
        Assert.NotEqual(SpacePoints.Sample(space, 7, 0), SpacePoints.Sample(space, 8, 0));
    }

    [Fact]
    public void Sample_DrawsLogUniform_EvenlyOverOrdersOfMagnitude()
    {
        var space = SweepFile.Parse(SweepFileTests.Minimal(train: "  optimizer: { lr: { log_uniform: [1.0e-4, 1.0e-2] } }\n  schedule: { min_lr: 0 }"), "x").Space;

        var below = Enumerable.Range(0, 2000).Count(trial => double.Parse(SpacePoints.Sample(space, 3, trial).Find("optimizer.lr")!) < 1e-3);

        // 1e-3 is the middle in the logarithm; 6 standard deviations of a fair coin over 2,000 throws are 134.
        Assert.InRange(below, 1000 - 134, 1000 + 134);
    }

    [Fact]
    public void Sample_KeepsTheOtherDraws_WhenADistributionIsAdded()
    {
        var one = SweepFile.Parse(SweepFileTests.Minimal(train: "  epochs: { int_uniform: [1, 1000] }"), "x").Space;
        var two = SweepFile.Parse(SweepFileTests.Minimal(train: "  label_smoothing: { uniform: [0.0, 0.5] }\n  epochs: { int_uniform: [1, 1000] }"), "x").Space;

        Assert.Equal(SpacePoints.Sample(one, 5, 11).Find("epochs"), SpacePoints.Sample(two, 5, 11).Find("epochs"));
    }

    [Fact]
    public void Labels_TellOptionsOfOneNameApart()
    {
        var space = SweepFile.Parse(SweepFileTests.Minimal("{ choose: [{ name: vit, depth: 1 }, { name: vit, depth: 2 }, { name: sdt }] }"), "x").Space;

        Assert.Equal(["model=vit#0", "model=vit#1", "model=sdt"], Enumerable.Range(0, 3).Select(i => SpacePoints.At(space, i).ToString()));
    }

    [Theory]
    [InlineData("{\"optimizer.lr\":0.1}", "model: is a distribution and was given no value")]
    [InlineData("{\"optimizer.lr\":0.1,\"model\":\"sdt\"}", "model: has no option \"sdt\"; there is resnet18, vit.")]
    [InlineData("{\"optimizer.lr\":0.1,\"model\":\"resnet18\",\"model.width\":8,\"epochs\":1,\"seed\":1}", "has 4 distributions for these choices, but 5 values were given")]
    [InlineData("{\"optimizer.lr\":0.1,\"model\":\"resnet18\",\"model.width\":-8,\"epochs\":1}", "train.model.width: is \"-8\", must be from 1 to 1024.")]
    public void Resolve_RefusesChoicesThatDoNotFit(string json, string expected) =>
        Assert.Contains(expected, Assert.Throws<ConfigException>(() => TrialResolver.Resolve(Grid, 0, Assignment.FromJson(json))).Message, StringComparison.Ordinal);

    [Fact]
    public void Resolve_DerivesTheTrialsSeed_AndSharesTheDatas()
    {
        var (first, second) = (TrialResolver.Resolve(Grid, 0, SpacePoints.At(Grid.Space, 0)), TrialResolver.Resolve(Grid, 1, SpacePoints.At(Grid.Space, 0)));

        Assert.NotEqual(first.Seed, second.Seed);
        Assert.Equal(first.DataSeed, second.DataSeed);
        // A seed that changed between versions would change every result: these bits are part of the format.
        Assert.Equal(SeedOfTrialZero, first.Seed);
    }

    private const ulong SeedOfTrialZero = 10426350096042412392;
}
