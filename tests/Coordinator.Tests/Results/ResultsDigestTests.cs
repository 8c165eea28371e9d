using System.Text.Json;
using Volley.Coordinator.Results;
using Volley.Shared.Config;
using Volley.Shared.Results;

namespace Volley.Coordinator.Tests.Results;

public sealed class ResultsDigestTests
{
    private static readonly SweepResults Base = SampleResults.Of();

    /// <summary>What another machine, another order or an interruption changes.</summary>
    public static TheoryData<string> Immaterial => ["slower", "attempts", "node", "fingerprint", "order", "concurrency", "device", "checkpoint", "path", "error text", "search"];

    [Theory]
    [MemberData(nameof(Immaterial))]
    public void Digest_StaysTheSame(string change)
    {
        var changed = change switch
        {
            "slower" => SampleResults.Of(slowness: 3),
            "attempts" => EachTrial(trial => trial with { Attempts = 4, DurationSeconds = 1e6 }),
            "node" => EachTrial(trial => trial with { Node = "elsewhere" }),
            "fingerprint" => EachTrial(trial => trial with { NumericsFingerprint = "another" }),
            "order" => Base with { Trials = [.. Base.Trials.Reverse()] },
            "concurrency" => EachConfig(config => config with { Resources = config.Resources with { MaxConcurrent = 3, MaxFailures = 9, MinRanks = 1 } }),
            "device" => EachConfig(config => config with { Resources = config.Resources with { Device = "cpu" } }),
            "checkpoint" => EachConfig(config => config with { Checkpoint = config.Checkpoint with { EverySteps = 7 } }),
            "path" => EachConfig(config => config with { Train = config.Train with { Dataset = config.Train.Dataset with { Path = "/mnt/data" } } }),
            "error text" => EachTrial(trial => trial with { Error = "node lost" }),
            "search" => EachTrial(trial => trial with { Hyperparameters = Assignment.Empty }),
            _ => throw new ArgumentOutOfRangeException(nameof(change), change, null),
        };

        Assert.Equal(Base.ResultsDigest, ResultsDigest.Of(changed));
        Assert.Empty(ResultsDiff.Of(Base, changed));
    }

    public static TheoryData<string, string> Material => new()
    {
        { "weights", "weights_sha256" },
        { "metric", "metrics.test_accuracy" },
        { "curve", "epochs[1].train_loss" },
        { "learning rate", "config.train.optimizer.lr" },
        { "threads", "config.resources.threads_per_rank" },
        { "ranks", "config.resources.ranks" },
        { "seed", "config.seed" },
        { "data", "data.digest" },
        { "state", "state" },
        { "firing rate", "firing_rate_by_layer.head" },
        { "missing", "" },
    };

    [Theory]
    [MemberData(nameof(Material))]
    public void Digest_Changes_AndDiffSaysWhere(string change, string key)
    {
        var index = Base.Trials.ToList().FindIndex(trial => trial.FiringRateByLayer is not null);
        var changed = Base with { Trials = [.. Base.Trials.SelectMany((trial, i) => i == index ? Changed(trial, change) : [trial])] };

        Assert.NotEqual(Base.ResultsDigest, ResultsDigest.Of(changed));
        var difference = Assert.Single(ResultsDiff.Of(Base, changed));
        Assert.Equal((Base.Trials[index].Number, key), (difference.Trial, difference.Key));
        Assert.NotEqual(difference.A, difference.B);
    }

    [Fact]
    public void Digest_SurvivesTheFile()
    {
        var again = JsonSerializer.Deserialize<SweepResults>(JsonSerializer.Serialize(Base, ConfigJson.ReadableOptions), ConfigJson.ReadableOptions)!;

        Assert.Equal(Base.ResultsDigest, ResultsDigest.Of(again));
        Assert.Equal(Base.ResultsDigest, again.ResultsDigest);
    }

    [Fact]
    public void Digest_IsTheSame_ForValuesFoundOrGiven()
    {
        static SweepResults Run(string lr) => SampleResults.Of($$"""
            search: { algorithm: grid }
            train: { dataset: { name: cifar10 }, epochs: 2, optimizer: { lr: {{lr}} }, model: { name: resnet18, width: 8 } }
            """);

        Assert.Equal(Run("0.01").ResultsDigest, Run("{ values: [1.0e-2] }").ResultsDigest);
    }

    private static SweepResults EachTrial(Func<TrialResult, TrialResult> change) => Base with { Trials = [.. Base.Trials.Select(change)] };

    private static SweepResults EachConfig(Func<TrialSpec, TrialSpec> change) => EachTrial(trial => trial with { Config = change(trial.Config) });

    private static IEnumerable<TrialResult> Changed(TrialResult trial, string change) => change switch
    {
        "weights" => [trial with { WeightsSha256 = new string('f', 64) }],
        "metric" => [trial with { Metrics = trial.Metrics.SetItem("test_accuracy", Math.BitIncrement(trial.Metrics["test_accuracy"])) }],
        "curve" => [trial with { Epochs = [trial.Epochs[0], trial.Epochs[1] with { TrainLoss = 1 }, .. trial.Epochs.Skip(2)] }],
        "learning rate" => [trial with { Config = trial.Config with { Train = trial.Config.Train with { Optimizer = trial.Config.Train.Optimizer with { Lr = 0.5 } } } }],
        "threads" => [trial with { Config = trial.Config with { Resources = trial.Config.Resources with { ThreadsPerRank = 2 } } }],
        "ranks" => [trial with { Config = trial.Config with { Resources = trial.Config.Resources with { Ranks = 2 } } }],
        "seed" => [trial with { Config = trial.Config with { Seed = 1 } }],
        "data" => [trial with { Data = trial.Data! with { Digest = "other" } }],
        "state" => [trial with { State = TrialEndState.Failed }],
        "firing rate" => [trial with { FiringRateByLayer = trial.FiringRateByLayer!.ToDictionary(rate => rate.Key, rate => rate.Key == "head" ? 0.5 : rate.Value) }],
        "missing" => [],
        _ => throw new ArgumentOutOfRangeException(nameof(change), change, null),
    };
}
