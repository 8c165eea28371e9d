using Volley.Coordinator.Search;
using Volley.Shared.Config;
using Volley.Shared.Config.Yaml;

namespace Volley.Coordinator.Tests.Search;

public sealed class GridSearchTests
{
    private static SweepSpec Sweep(string search, string epochs = "{ values: [1, 2, 3] }", string depth = "{ values: [1, 2] }") => SweepFile.Parse($$"""
        search: {{search}}
        train:
          dataset: { name: cifar10 }
          epochs: {{epochs}}
          model: { choose: [{ name: resnet18 }, { name: vit, depth: {{depth}} }] }
        """, "s.yaml");

    [Theory]
    [InlineData("{ algorithm: grid }", 3 * (1 + 2))]
    [InlineData("{ algorithm: grid, max_trials: 4 }", 4)]
    [InlineData("{ algorithm: grid, max_trials: 400 }", 9)]
    public void Trials_AreTheGrid_OrFewerIfAsked(string search, int expected) => Assert.Equal(expected, Searches.CreateChecked(Sweep(search)).Trials);

    [Fact]
    public void Suggest_GivesTheFilesOrder() => Assert.Equal(
        ["epochs=1 model=resnet18", "epochs=1 model=vit model.depth=1", "epochs=1 model=vit model.depth=2", "epochs=2 model=resnet18"],
        Enumerable.Range(0, 4).Select(trial => Searches.Create(Sweep("{ algorithm: grid }")).Suggest(trial, [])!.ToString()));

    [Fact]
    public void Constructor_RefusesAContinuousSpace()
    {
        var space = SweepFile.Parse("search: { max_trials: 2 }\ntrain: { dataset: { name: cifar10 }, model: { name: vit }, label_smoothing: { uniform: [0, 0.1] } }", "s").Space;

        Assert.Contains("is grid, which needs values", Assert.Throws<ConfigException>(() => new GridSearch(space, 0)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void OneTrial_WithoutDistributions() => Assert.Equal(1, Searches.CreateChecked(SweepFile.Parse("search: { algorithm: grid }\ntrain: { dataset: { name: cifar10 }, model: { name: vit } }", "s")).Trials);
}
