using System.Globalization;
using System.Text.Json.Nodes;

namespace Volley.Cluster.Tests.Recovery;

/// <summary>A sweep of one trial that takes a while, for tests that disturb it, and the weights of the run that nobody disturbed.</summary>
public sealed class OneTrial : IAsyncLifetime
{
    public const string Name = "one";

    public const int StepsPerEpoch = 45;

    public const string Yaml = """
        name: one
        seed: 7
        search: { algorithm: grid }
        resources: { ranks: 1, threads_per_rank: 1, device: cpu }
        train:
          dataset: { name: fashion-mnist, val_fraction: 0.1, limit_train: 1600, limit_test: 100 }
          epochs: 3
          global_batch_size: 32
          augment: { crop: 2, flip: true }
          optimizer: { name: adamw, lr: 0.001 }
          model: { name: resnet18, width: 4 }
        """;

    private string _weights = "";

    public async ValueTask InitializeAsync()
    {
        await using var cluster = await TestCluster.StartAsync();
        await cluster.JoinAsync("n1");
        await cluster.SubmitAsync(Name, Yaml);
        var trial = await cluster.UntilFinishedAsync(Name);
        _weights = WeightsOf(trial);
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <summary>Finished, and nobody can tell from its numbers that it was disturbed.</summary>
    internal void EqualsUndisturbed(JsonNode trial)
    {
        Assert.Equal("finished", (string)trial["state"]!);
        Assert.Equal(_weights, WeightsOf(trial));
        Assert.Equal([1, 2, 3], trial["epochs"]!.AsArray().Select(epoch => (int)epoch!["epoch"]!));
    }

    /// <summary>The figure to reach holds for a machine that does nothing else; with more threads ready to run than cores, each gets its part.</summary>
    internal static void Within(TimeSpan limit, TimeSpan recovery, JsonNode trial)
    {
        var load = double.Parse(File.ReadAllText("/proc/loadavg").Split(' ')[0], CultureInfo.InvariantCulture);
        var allowed = limit * Math.Max(1, load / Environment.ProcessorCount);
        Assert.True(recovery < allowed, $"{recovery.TotalSeconds:0.0} s from the loss to the first new step, at most {allowed.TotalSeconds:0.0} at a load of {load}: {trial["attempts"]}");
    }

    /// <summary>From <paramref name="loss"/> to the first new step of that attempt.</summary>
    internal static TimeSpan Recovery(JsonNode trial, int attempt, DateTimeOffset loss, string what)
    {
        var recovery = (DateTimeOffset)Attempt(trial, attempt)["first_step_at"]! - loss;
        TestContext.Current.TestOutputHelper?.WriteLine($"{what}: first new step after {recovery.TotalSeconds:0.00} s");
        return recovery;
    }

    internal static bool HasCheckpoint(JsonNode trial) => trial["checkpoints"]!.AsArray().Count > 0;

    internal static bool IsTraining(JsonNode trial, int attempt) =>
        (int)trial["attempt"]! == attempt && trial["attempts"]!.AsArray() is [.., { } newest] && (int)newest["attempt"]! == attempt && newest["first_step_at"] is not null;

    internal static JsonNode Attempt(JsonNode trial, int attempt) => trial["attempts"]!.AsArray().Single(one => (int)one!["attempt"]! == attempt)!;

    internal static bool IsRank(JsonNode trial, int pid) => trial["ranks"]!.AsArray() is [{ } rank] && (int?)rank["pid"] == pid;

    internal static int Pid(JsonNode trial) => (int)trial["ranks"]![0]!["pid"]!;

    private static string WeightsOf(JsonNode trial) => (string?)trial["outcome"]?["weights_sha256"] ?? throw new InvalidOperationException($"The trial has no outcome: {trial}");
}

/// <summary>One after the other: they measure times.</summary>
[CollectionDefinition(Name)]
public sealed class Recoveries : ICollectionFixture<OneTrial>
{
    public const string Name = "recoveries";
}
