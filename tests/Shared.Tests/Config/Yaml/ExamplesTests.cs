using Volley.Shared.Config;
using Volley.Shared.Config.Yaml;
using Volley.TestKit;

namespace Volley.Shared.Tests.Config.Yaml;

public sealed class ExamplesTests
{
    public static TheoryData<string> Examples =>
        [.. Directory.EnumerateFiles(Path.Combine(SharedFiles.RepositoryRoot, "examples"), "*.yaml").Select(path => Path.GetFileName(path)).Order()];

    [Theory]
    [MemberData(nameof(Examples))]
    public void EveryExample_IsASweepOfAllFourFamilies(string file)
    {
        var spec = SweepFile.Load(Path.Combine(SharedFiles.RepositoryRoot, "examples", file));

        var trials = Enumerable.Range(0, (int)SpacePoints.Count(spec.Space)!.Value).Select(number => TrialResolver.Resolve(spec, number, SpacePoints.At(spec.Space, number)));

        Assert.Equal(["resnet18", "sdt", "spikformer", "vit"], trials.Select(trial => trial.Train.Model.Family).Distinct().Order());
    }
}
