using System.Text.Json.Nodes;

namespace Volley.Cluster.Tests.MultiRank;

/// <summary>A trial of three shards, with everything random switched on, and its weights when one process trains it alone.</summary>
public sealed class GroupSweep : IAsyncLifetime
{
    public const string Name = "group";

    public const int StepsPerEpoch = 18;

    public static string Yaml(string resources = "ranks: 3") => $$"""
        name: group
        seed: 7
        search: { algorithm: grid }
        resources: { {{resources}}, threads_per_rank: 1, device: cpu }
        train:
          dataset: { name: fashion-mnist, val_fraction: 0.1, limit_train: 640, limit_test: 100 }
          epochs: 3
          global_batch_size: 32
          ema_decay: 0.9
          augment: { crop: 2, flip: true }
          optimizer: { name: adamw, lr: 0.001 }
          model: { name: resnet18, width: 4, dropout: 0.1 }
        """;

    public string Weights { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        var folder = Directory.CreateTempSubdirectory("vc-").FullName;
        try
        {
            var file = Path.Combine(folder, "group.yaml");
            await File.WriteAllTextAsync(file, Yaml());
            await using var train = ChildProgram.Start(ChildProgram.VolleyNode, "train", file, "--out", Path.Combine(folder, "out"), "--data-root", Path.Combine(folder, "data"));
            Assert.True(await train.ExitCodeAsync(TinySweep.Patience) == 0, train.Output);
            Weights = WeightsOf(Path.Combine(folder, "out", "checkpoints"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <summary>SHA-256 of the weights of the newest checkpoint.</summary>
    public static string WeightsOf(string checkpoints)
    {
        var newest = Directory.EnumerateDirectories(checkpoints).MaxBy(path => long.Parse(Path.GetFileName(path).Split('.')[0]))!;
        var manifest = JsonNode.Parse(File.ReadAllBytes(Path.Combine(newest, "manifest.json")))!;
        return (string)manifest["files"]!.AsArray().Single(file => (string)file!["name"]! == "model.safetensors")!["sha256"]!;
    }
}

/// <summary>One after the other: three ranks fill the cores.</summary>
[CollectionDefinition(Name)]
public sealed class Groups : ICollectionFixture<GroupSweep>
{
    public const string Name = "groups";
}
