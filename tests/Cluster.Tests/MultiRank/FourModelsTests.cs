using System.Text.Json.Nodes;
using Volley.TestKit;

namespace Volley.Cluster.Tests.MultiRank;

/// <summary>All four models on real CIFAR-10 images, two ranks each, one of which is killed in every trial: the results of the sweep that nobody disturbed.</summary>
[Trait("Category", "Slow")]
[Collection(Groups.Name)]
public sealed class FourModelsTests : IAsyncDisposable
{
    private const int Models = 4;

    private readonly string _folder = Directory.CreateTempSubdirectory("vc-").FullName;

    private string Fired => Path.Combine(_folder, "fired");

    public async ValueTask DisposeAsync()
    {
        foreach (var pid in ProcessTable.Of(_folder)) ProcessTable.TrySend(pid, ProcessTable.SigKill);
        await ProcessTable.UntilAsync(() => ProcessTable.Of(_folder).Count == 0, TimeSpan.FromSeconds(10), () => "killed processes are left");
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task EveryModel_SurvivesALostRank_WithTheSameDigest()
    {
        var archive = SharedFiles.Require("data/cifar10-jpeg.tar.xz");
        var file = Path.Combine(_folder, "models.yaml");
        await File.WriteAllTextAsync(file, $$"""
            name: models
            seed: 7
            search: { algorithm: grid }
            resources: { ranks: 2, threads_per_rank: 1, device: cpu }
            train:
              dataset: { name: cifar10, path: {{archive}}, val_fraction: 0.1, limit_train: 290, limit_test: 64 }
              epochs: 1
              global_batch_size: 32
              label_smoothing: 0.1
              augment: { crop: 4, flip: true, mixup: 0.5 }
              optimizer: { name: adamw, lr: 0.001 }
              model:
                choose:
                  - { name: resnet18, width: 4, dropout: 0.1 }
                  - { name: vit, embed_dim: 32, depth: 2, heads: 2, patch: 4, mlp_ratio: 2, dropout: 0.1, drop_path: 0.1 }
                  - { name: sdt, embed_dim: 32, depth: 1, heads: 2, time_steps: 2, mlp_ratio: 2, dropout: 0.1, encoder: poisson }
                  - { name: spikformer, embed_dim: 32, depth: 1, heads: 2, time_steps: 2, mlp_ratio: 2, drop_path: 0.1 }
            """, TestContext.Current.CancellationToken);
        Directory.CreateDirectory(Fired);

        await using (var undisturbed = Run(file, "undisturbed"))
            Assert.True(await undisturbed.ExitCodeAsync(TinySweep.Patience) == 0, undisturbed.Output);

        // After six of nine steps: a replacement makes too few to fire again. The file that says so is taken away, so each trial loses a rank.
        await using var disturbed = Run(file, "disturbed", "rank.mid-step=kill@6");
        for (var kills = 0; kills < Models; kills++)
        {
            var fired = Path.Combine(Fired, "rank.mid-step");
            await ProcessTable.UntilAsync(() => File.Exists(fired), TinySweep.Patience, () => disturbed.Output);
            await disturbed.LineAsync(line => line.Contains($"trial {kills} ", StringComparison.Ordinal) && line.Contains("attempt 2", StringComparison.Ordinal), TinySweep.Patience);
            File.Delete(fired);
        }
        Assert.True(await disturbed.ExitCodeAsync(TinySweep.Patience) == 0, disturbed.Output);

        var (expected, found) = (Results("undisturbed"), Results("disturbed"));
        Assert.Equal(["resnet18", "sdt", "spikformer", "vit"], found["trials"]!.AsArray().Select(trial => (string)trial!["model"]!).Order(StringComparer.Ordinal));
        Assert.All(found["trials"]!.AsArray(), trial => Assert.Equal("finished", (string)trial!["state"]!));
        Assert.Equal((string)expected["results_digest"]!, (string)found["results_digest"]!);
    }

    private ChildProgram Run(string file, string to, string failpoints = "")
    {
        var environment = failpoints.Length == 0 ? [] : new Dictionary<string, string> { ["VOLLEY_FAILPOINTS"] = failpoints, ["VOLLEY_FAILPOINTS_DIR"] = Fired };
        return ChildProgram.Start(ChildProgram.Volley, environment, "run", file, "--out", Path.Combine(_folder, to), "--slots", "2", "--data-root", Path.Combine(_folder, "data"));
    }

    private JsonNode Results(string to) => JsonNode.Parse(File.ReadAllBytes(Path.Combine(_folder, to, "results.json")))!;
}
