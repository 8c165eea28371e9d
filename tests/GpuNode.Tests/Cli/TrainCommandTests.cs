using System.Text.Json;
using Volley.GpuNode.Checkpointing;
using Volley.GpuNode.Tests.Data;
using Volley.Shared;

namespace Volley.GpuNode.Tests.Cli;

/// <summary><c>train</c> and <c>eval</c> as people run them.</summary>
public sealed class TrainCommandTests : IDisposable
{
    // Small enough for a second or two; enough steps that a signal arrives between two of them.
    private const string Common = """
        seed: 4
        checkpoint: { every_steps: 1, keep_last: 2 }
        train:
          dataset: { name: fashion-mnist, path: DATA, limit_train: 700, limit_test: 64, val_fraction: 0.1 }
          epochs: 3
          global_batch_size: 16
          label_smoothing: 0.1
          augment: { crop: 2, flip: true, mixup: 0.5, randaugment: rand-m9-n1-mstd0.4-inc1-p0.5, random_erasing: 0.25 }
          optimizer: { lr: 0.001, weight_decay: 0.05 }

        """;

    private readonly string _root = Directory.CreateTempSubdirectory("volley-cli-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public Task AStoppedResNet_ResumedInANewProcess_EndsWithTheSameWeights() =>
        StopAndResumeAsync("{ name: resnet18, width: 4, blocks: [1, 1, 1, 1], dropout: 0.2 }");

    [Theory]
    [Trait("Category", "Slow")]
    [InlineData("{ name: vit, embed_dim: 16, depth: 2, heads: 2, patch: 7, dropout: 0.1, drop_path: 0.1 }")]
    [InlineData("{ name: sdt, embed_dim: 16, depth: 1, heads: 2, time_steps: 2, dropout: 0.1, drop_path: 0.1, encoder: poisson }")]
    [InlineData("{ name: spikformer, embed_dim: 16, depth: 1, heads: 2, time_steps: 2, dropout: 0.1, drop_path: 0.1, neuron: plif }")]
    public Task SoDoTheOthers(string model) => StopAndResumeAsync(model);

    [Fact]
    public async Task Eval_FindsTheReportedNumbersAgain()
    {
        var file = Write("{ name: vit, embed_dim: 16, depth: 1, heads: 2, patch: 7 }");
        var train = await NodeProcess.RunAsync(["train", file, "--out", At("run"), "--data-root", At("data"), "--set", "train.epochs=2", "--set", "train.ema_decay=0.9"]);
        Assert.Equal((0, ""), (train.Code, train.Errors));
        Assert.Contains("epoch 2: train: loss", train.Output, StringComparison.Ordinal);
        using var result = JsonDocument.Parse(File.ReadAllBytes(At("run", "result.json")));
        var test = result.RootElement.GetProperty("outcome").GetProperty("test");

        var eval = await NodeProcess.RunAsync(["eval", At("run"), "--data-root", At("data"), "--json"]);
        Assert.Equal((0, ""), (eval.Code, eval.Errors));
        using var report = JsonDocument.Parse(eval.Output);
        Assert.Equal(test.GetProperty("loss").GetDouble(), report.RootElement.GetProperty("evaluation").GetProperty("loss").GetDouble());
        Assert.Equal(test.GetProperty("accuracy").GetDouble(), report.RootElement.GetProperty("evaluation").GetProperty("accuracy").GetDouble());

        // A run's folder is not trained into twice by accident.
        var again = await NodeProcess.RunAsync(["train", file, "--out", At("run"), "--data-root", At("data")]);
        RefusedWith(again, "already holds the checkpoints of a run");

        // A damaged file is found before a tensor is touched.
        var checkpoint = new CheckpointStore(At("run", "checkpoints")).Complete()[0];
        var weights = At("run", "checkpoints", checkpoint.ToString(), CheckpointFiles.Model);
        File.WriteAllBytes(weights, [.. File.ReadAllBytes(weights)[..^1], 0x7f]);
        RefusedWith(await NodeProcess.RunAsync(["eval", Path.GetDirectoryName(weights)!, "--data-root", At("data")]), "its manifest says");
        RefusedWith(await NodeProcess.RunAsync(["train", file, "--resume", Path.GetDirectoryName(weights)!, "--data-root", At("data")]), "its manifest says");
    }

    [Fact]
    public async Task BadInput_IsOneClearMessage()
    {
        var file = Write("{ name: resnet18, width: 4 }");
        RefusedWith(await NodeProcess.RunAsync(["train", At("nowhere.yaml")]), "nowhere.yaml");
        RefusedWith(await NodeProcess.RunAsync(["train", file, "--resume", At("nowhere")]), "there is no such directory");
        RefusedWith(await NodeProcess.RunAsync(["train", file, "--set", "train.epoch=5"]), "epochs");
        RefusedWith(await NodeProcess.RunAsync(["train", file, "--set", "search.algorithm=grid", "--set", "train.model.width={values: [4, 8]}", "--out", At("x")]), "is a distribution");
        RefusedWith(await NodeProcess.RunAsync(["eval", At("nowhere")]), "there is no such directory");
    }

    [Fact]
    public async Task ALossThatIsNotFinite_EndsWithCode1_AndSaysWhatToDo()
    {
        var file = Write("{ name: resnet18, width: 4, blocks: [1, 1, 1, 1] }");
        var (code, _, errors) = await NodeProcess.RunAsync(["train", file, "--out", At("run"), "--data-root", At("data"),
            "--set", "optimizer.name=sgd", "--set", "optimizer.lr=1e38", "--set", "schedule.name=constant"]);
        Assert.Equal(1, code);
        Assert.Contains("is not finite at learning rate 1e+38", errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", errors, StringComparison.Ordinal);
    }

    private async Task StopAndResumeAsync(string model)
    {
        var file = Write(model);
        string[] arguments = ["train", file, "--data-root", At("data"), "--threads", "1"];
        var straight = await NodeProcess.RunAsync([.. arguments, "--out", At("straight")]);
        Assert.Equal((0, ""), (straight.Code, straight.Errors));

        using var interrupted = NodeProcess.Start([.. arguments, "--out", At("interrupted")]);
        await UntilACheckpointIsThereAsync(interrupted);
        interrupted.Interrupt();
        var stopped = await interrupted.EndAsync();
        Assert.Equal(130, stopped.Code);
        Assert.Contains($"--resume {At("interrupted")}", stopped.Output, StringComparison.Ordinal);

        var resumed = await NodeProcess.RunAsync([.. arguments, "--resume", At("interrupted")]);
        Assert.Equal((0, ""), (resumed.Code, resumed.Errors));
        Assert.Equal(FinalWeights("straight"), FinalWeights("interrupted"));
        Assert.Contains("Resuming from", resumed.Output, StringComparison.Ordinal);
    }

    private async Task UntilACheckpointIsThereAsync(NodeProcess node)
    {
        var root = At("interrupted", "checkpoints");
        while (!node.HasExited && !(Directory.Exists(root) && new CheckpointStore(root).Complete().Count > 0))
            await Task.Delay(5, TestContext.Current.CancellationToken);
    }

    private byte[] FinalWeights(string run)
    {
        var store = new CheckpointStore(At(run, "checkpoints"));
        return File.ReadAllBytes(Path.Combine(store.PathOf(store.Complete()[0]), CheckpointFiles.Model));
    }

    private static void RefusedWith((int Code, string Output, string Errors) result, string expected)
    {
        Assert.Equal(UserErrorException.ExitCode, result.Code);
        Assert.Contains(expected, result.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", result.Errors, StringComparison.Ordinal);
    }

    private string Write(string model)
    {
        var path = At("one.yaml");
        File.WriteAllText(path, Common.Replace("DATA", DataFolder.FashionSubset, StringComparison.Ordinal) + $"  model: {model}\n");
        return path;
    }

    private string At(params string[] parts) => Path.Combine([_root, .. parts]);
}
