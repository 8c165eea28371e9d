using System.Text.Json;

namespace Volley.Cluster.Tests;

/// <summary>Two small ResNets on the images that ship with the project, in a folder of its own.</summary>
internal sealed class TinySweep : IAsyncDisposable
{
    /// <summary>Generous: the machine that runs the tests may be busy.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(4);

    private const int Epochs = 4;

    public const string Yaml = """
        name: tiny
        seed: 7
        search: { algorithm: grid }
        resources: { ranks: 1, threads_per_rank: 1, device: cpu }
        train:
          dataset: { name: fashion-mnist, val_fraction: 0.1, limit_train: 800, limit_test: 100 }
          epochs: 4
          global_batch_size: 32
          augment: { crop: 2, flip: true }
          optimizer: { name: adamw, lr: { values: [0.001, 0.002] } }
          model: { name: resnet18, width: 8 }
        """;

    public string Folder { get; } = Directory.CreateTempSubdirectory("vc-").FullName;

    public string Out => Path.Combine(Folder, "out");

    public ChildProgram Run()
    {
        var file = Path.Combine(Folder, "tiny.yaml");
        File.WriteAllText(file, Yaml);
        return ChildProgram.Start(ChildProgram.Volley, "run", file, "--out", Out, "--slots", "2", "--data-root", Path.Combine(Folder, "data"));
    }

    /// <summary>Some trial has completed some epoch but not its last: training is under way.</summary>
    public static bool IsMidway(string line) => line.Contains($"epoch 1/{Epochs}", StringComparison.Ordinal);

    /// <summary>SHA-256 of each trial's final weights, from the manifest of its newest checkpoint.</summary>
    /// <param name="folder">Holds a folder per trial.</param>
    public IReadOnlyList<string> FinalWeights(string folder = "checkpoints") =>
    [
        .. Directory.EnumerateDirectories(Path.Combine(Out, folder)).Order(StringComparer.Ordinal).Select(trial =>
        {
            var newest = Directory.EnumerateDirectories(trial).MaxBy(path => long.Parse(Path.GetFileName(path).Split('.')[0]))!;
            using var manifest = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(newest, "manifest.json")));
            return manifest.RootElement.GetProperty("files").EnumerateArray()
                .Single(file => file.GetProperty("name").GetString() == "model.safetensors").GetProperty("sha256").GetString()!;
        }),
    ];

    /// <summary>Ended, and nothing is left: no process, no socket, no agent's directory.</summary>
    public async Task IsGoneAsync()
    {
        await ProcessTable.UntilAsync(
            () => ProcessTable.Of(Folder).Count == 0, TimeSpan.FromSeconds(20), () => $"processes {string.Join(", ", ProcessTable.Of(Folder))} are left");
        Assert.Empty(Directory.EnumerateFiles(Folder, "*.sock", SearchOption.AllDirectories));
        Assert.False(Directory.Exists(Path.Combine(Out, "agent")));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var pid in ProcessTable.Of(Folder)) ProcessTable.Send(pid, ProcessTable.SigKill);
        await ProcessTable.UntilAsync(() => ProcessTable.Of(Folder).Count == 0, TimeSpan.FromSeconds(10), () => "killed processes are left");
        Directory.Delete(Folder, recursive: true);
    }
}

/// <summary>Tests that start whole sweeps: one after the other, so that they do not share the cores.</summary>
[CollectionDefinition(Name)]
public sealed class WholeSweeps : ICollectionFixture<UndisturbedRun>
{
    public const string Name = "whole sweeps";
}

/// <summary>The run that nobody disturbs, made once; the disturbed ones must end with the same weights.</summary>
public sealed class UndisturbedRun : IAsyncLifetime
{
    public IReadOnlyList<string> FinalWeights { get; private set; } = [];

    public async ValueTask InitializeAsync()
    {
        await using var sweep = new TinySweep();
        await using var run = sweep.Run();
        Assert.True(await run.ExitCodeAsync(TinySweep.Patience) == 0, run.Output);
        await sweep.IsGoneAsync();
        FinalWeights = sweep.FinalWeights();
        Assert.Equal(2, FinalWeights.Distinct().Count());
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
