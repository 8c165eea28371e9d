using Volley.Shared.Config;
using Volley.Shared.Config.Yaml;

namespace Volley.Shared.Tests.Config.Yaml;

public sealed class SweepFileTests
{
    /// <summary>The example of DESIGN §7, with search and trial scheduler that exist.</summary>
    public const string DesignExample = """
        name: sdt-vs-spikformer-vs-cnn-vs-vit
        seed: 7
        objective: { metric: val_accuracy, goal: maximize }
        search:    { algorithm: random, max_trials: 40 }
        trial_scheduler: { type: none }
        resources: { ranks: 1, min_ranks: 1, threads_per_rank: 1, device: auto, max_concurrent: 8, max_failures: 3 }
        checkpoint: { every_epochs: 1, keep_last: 2, keep_best: 1, store: dir }
        train:
          dataset: { name: cifar10, val_fraction: 0.1 }
          epochs: 30
          global_batch_size: 128
          optimizer: { name: adamw, lr: { log_uniform: [1.0e-4, 3.0e-3] }, weight_decay: 0.06 }
          schedule:  { name: cosine, warmup_epochs: 2, min_lr: 1.0e-5 }
          label_smoothing: 0.1
          augment: { crop: 4, flip: true, randaugment: none, mixup: 0.0 }
          model:
            choose:
              - { name: sdt,        embed_dim: { values: [128, 256] }, depth: 2, time_steps: { values: [2, 4] }, neuron: lif, encoder: direct }
              - { name: spikformer, embed_dim: 256, depth: 2, time_steps: 4 }
              - { name: resnet18,   width: { values: [16, 32, 64] } }
              - { name: vit,        embed_dim: { int_uniform: [96, 256, 32] }, depth: 6, heads: 4, patch: 4 }
        """;

    [Fact]
    public void Parse_ReadsTheDesignsExample()
    {
        var sweep = SweepFile.Parse(DesignExample, "design.yaml");

        Assert.Equal("sdt-vs-spikformer-vs-cnn-vs-vit", sweep.Name);
        Assert.Equal(7UL, sweep.Seed);
        Assert.Equal(40, sweep.Search.MaxTrials);
        Assert.Equal(8, sweep.Resources.MaxConcurrent);
        Assert.Equal(["optimizer.lr", "model", "model.embed_dim", "model.time_steps", "model.width", "model.embed_dim"],
            SpacePoints.Distributions(sweep.Space).Select(found => found.Key));
    }

    [Fact]
    public void Parse_TakesTheNameFromTheFile_WhenThereIsNone() =>
        Assert.Equal("my-sweep-2", SweepFile.Parse(Minimal(), "/somewhere/My sweep_2.yaml").Name);

    [Fact]
    public void Parse_ReadsAPresetAndWhatOverridesIt()
    {
        var trial = TrialResolver.ResolveOnly(SweepFile.Parse(Minimal(model: "{ name: spikformer-4-384, time_steps: 2 }"), "x.yaml"));

        var model = Assert.IsType<SpikformerSpec>(trial.Train.Model);
        Assert.Equal((4, 384, 12, 2, "spikformer-4-384"), (model.Depth, model.EmbedDim, model.Heads, model.TimeSteps, model.Name));
    }

    [Fact]
    public void Parse_ReadsAListOfObjectives_AndTheirNaturalGoals()
    {
        var sweep = SweepFile.Parse("objective: [{ metric: val_loss }, { metric: energy_pj }, { metric: val_top5 }]\n" + Minimal(), "x.yaml");

        Assert.Equal(["minimize", "minimize", "maximize"], sweep.Objectives.Select(objective => objective.Goal));
    }

    [Fact]
    public void Parse_GivesTheSameAgain_FromItsSource()
    {
        var sweep = SweepFile.Parse(DesignExample, "design.yaml", ["epochs=3", "seed=9"]);
        var again = SweepFile.Parse(sweep.Source);

        var point = SpacePoints.Sample(sweep.Space, sweep.Seed, 4);
        Assert.Equal(point, SpacePoints.Sample(again.Space, again.Seed, 4));
        Assert.Equal(TrialResolver.Resolve(sweep, 4, point).ConfigHash(), TrialResolver.Resolve(again, 4, point).ConfigHash());
    }

    [Theory]
    [InlineData("epochs=2", 2)]
    [InlineData("train.epochs=3", 3)]
    public void Parse_AppliesAnOverride_WholeOrUnderTrain(string text, int epochs) =>
        Assert.Equal(epochs, TrialResolver.ResolveOnly(SweepFile.Parse(Minimal(), "x.yaml", [text])).Train.Epochs);

    [Fact]
    public void Parse_AppliesAnOverride_ThatAddsASectionOrADistribution()
    {
        var sweep = SweepFile.Parse(Minimal(), "x.yaml", ["optimizer.lr={ values: [0.1, 0.2] }", "augment.flip=true", "dataset.path=", "search={algorithm: grid}"]);

        Assert.Equal("grid", sweep.Search.Algorithm);
        var trial = TrialResolver.Resolve(sweep, 1, SpacePoints.At(sweep.Space, 1));
        Assert.Equal((0.2, true, ""), (trial.Train.Optimizer.Lr, trial.Train.Augment.Flip, trial.Train.Dataset.Path));
    }

    [Fact]
    public void Parse_AppliesAnOverride_InsideAnOption()
    {
        var sweep = SweepFile.Parse(DesignExample, "x.yaml", ["model.choose.1.time_steps=1"]);

        var spikformer = Enumerable.Range(0, 100).Select(i => TrialResolver.Resolve(sweep, i, SpacePoints.Sample(sweep.Space, 1, i)).Train.Model)
            .OfType<SpikformerSpec>().First();
        Assert.Equal(1, spikformer.TimeSteps);
    }

    [Fact]
    public void ResolveOnly_NamesEveryDistribution()
    {
        var sweep = SweepFile.Parse(DesignExample, "x.yaml");

        var problems = Assert.Throws<ConfigException>(() => TrialResolver.ResolveOnly(sweep)).Problems;
        Assert.Equal(6, problems.Count);
        Assert.Equal("x.yaml:12: train.optimizer.lr: is a distribution; this command trains one configuration. Give it a value: --set optimizer.lr=…", problems[0].ToString());
    }

    [Fact]
    public void Load_NamesAMissingFile() =>
        Assert.Equal("/nowhere/x.yaml: does not exist.", Assert.Throws<ConfigException>(() => SweepFile.Load("/nowhere/x.yaml")).Message);

    [Fact]
    public void Load_RefusesAFolder() =>
        Assert.EndsWith("is a folder, must be a YAML file.", Assert.Throws<ConfigException>(() => SweepFile.Load(Path.GetTempPath())).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData(new byte[] { (byte)'a', (byte)'\n', 0xC3, 0x28 }, "2: is not UTF-8 text")]
    [InlineData(new byte[] { 0xFF, 0xFE, 0x61, 0x00 }, "is UTF-16 text, must be UTF-8")]
    [InlineData(new byte[] { (byte)'a', (byte)'\n', (byte)'\n', 0 }, "3: holds a zero byte")]
    public void Load_RefusesWhatIsNoUtf8(byte[] bytes, string expected)
    {
        using var file = new TemporaryFile(bytes);
        Assert.Contains(expected, Assert.Throws<ConfigException>(() => SweepFile.Load(file.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_AcceptsAByteOrderMark()
    {
        using var file = new TemporaryFile([0xEF, 0xBB, 0xBF, .. System.Text.Encoding.UTF8.GetBytes(Minimal())]);
        Assert.Equal(30, TrialResolver.ResolveOnly(SweepFile.Load(file.Path)).Train.Epochs);
    }

    [Fact]
    public void Load_RefusesAHugeFile_WithoutParsingIt()
    {
        using var file = new TemporaryFile(new byte[(1 << 20) + 1]);
        Assert.Contains("is larger than 1,048,576 bytes", Assert.Throws<ConfigException>(() => SweepFile.Load(file.Path)).Message, StringComparison.Ordinal);
    }

    public static string Minimal(string model = "{ name: resnet18 }", string train = "") => $$"""
        search: { max_trials: 3 }
        train:
          dataset: { name: cifar10 }
          model: {{model}}
        {{train}}
        """;

    private sealed class TemporaryFile : IDisposable
    {
        public TemporaryFile(byte[] bytes) => File.WriteAllBytes(Path, bytes);

        public string Path { get; } = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"volley-{Guid.NewGuid():N}.yaml");

        public void Dispose() => File.Delete(Path);
    }
}
