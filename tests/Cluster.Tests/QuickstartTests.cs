using System.Text.Json;
using Volley.TestKit;

namespace Volley.Cluster.Tests;

/// <summary>The README's first command, as a person types it: all four models, from the YAML file to the report.</summary>
[Trait("Category", "Slow")]
public sealed class QuickstartTests
{
    private const double Chance = 0.1;

    [Fact]
    public async Task TheQuickstart_EndsWithEveryModelClearlyAboveChance_AndAReport()
    {
        var folder = Directory.CreateTempSubdirectory("vq-").FullName;
        try
        {
            var root = SharedFiles.RepositoryRoot;
            await using var run = ChildProgram.Start(
                Path.Combine(root, "volley"), "run", Path.Combine(root, "examples", "quickstart.yaml"), "--out", folder);

            Assert.True(await run.ExitCodeAsync(TimeSpan.FromMinutes(9)) == 0, run.Output);

            using var results = JsonDocument.Parse(await File.ReadAllBytesAsync(Path.Combine(folder, "results.json"), TestContext.Current.CancellationToken));
            var accuracies = results.RootElement.GetProperty("trials").EnumerateArray().ToDictionary(
                trial => trial.GetProperty("model").GetString()!,
                trial => trial.GetProperty("metrics").GetProperty("test_accuracy").GetDouble());
            Assert.Equal(["resnet18", "sdt", "spikformer", "vit"], accuracies.Keys.Order(StringComparer.Ordinal));
            Assert.All(accuracies, accuracy => Assert.True(accuracy.Value > 4 * Chance, $"{accuracy.Key}: {accuracy.Value:P1}"));
            Assert.True(accuracies.Values.Max() >= 0.7, $"the best reaches {accuracies.Values.Max():P1}");
            var report = await File.ReadAllTextAsync(Path.Combine(folder, "report.html"), TestContext.Current.CancellationToken);
            Assert.All(accuracies.Keys, model => Assert.Contains(model, report));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
