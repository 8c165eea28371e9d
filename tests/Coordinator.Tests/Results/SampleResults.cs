using System.Security.Cryptography;
using Volley.Coordinator.Search;
using Volley.Shared.Config;
using Volley.Shared.Config.Yaml;
using Volley.Shared.Determinism;
using Volley.Shared.ModelCosts;
using Volley.Shared.Results;

namespace Volley.Coordinator.Tests.Results;

/// <summary>Results of a sweep with invented measurements that follow from the configuration: the same each time.</summary>
internal static class SampleResults
{
    public const string FourModels = """
        name: four-models
        seed: 7
        search: { algorithm: random, max_trials: 24 }
        train:
          dataset: { name: cifar10, val_fraction: 0.1 }
          epochs: 8
          optimizer: { lr: { log_uniform: [1.0e-4, 1.0e-2] } }
          schedule: { min_lr: 0 }
          model:
            choose:
              - { name: resnet18, width: { values: [8, 16, 32] } }
              - { name: vit, embed_dim: { int_uniform: [64, 192, 32] }, depth: 4, heads: 4 }
              - { name: sdt, embed_dim: { values: [64, 128] }, time_steps: { values: [2, 4] }, depth: 1 }
              - { name: spikformer, embed_dim: { values: [64, 128] }, time_steps: { values: [2, 4] }, depth: 1 }
        """;

    /// <param name="change">Applied to each trial's outcome: to say "the same, but …".</param>
    /// <param name="slowness">Multiplies every time.</param>
    public static SweepResults Of(string yaml = FourModels, Func<int, TrialOutcome, TrialOutcome>? change = null, double slowness = 1, int failed = -1)
    {
        var sweep = SweepFile.Parse(yaml, "sample.yaml");
        var search = Searches.CreateChecked(sweep);
        var trials = Enumerable.Range(0, search.Trials).Select(number =>
        {
            var spec = TrialResolver.Resolve(sweep, number, search.Suggest(number, [])!);
            if (number == failed)
                return TrialResult.Of(spec, TrialEndState.Failed, null, [.. Epochs(spec, slowness).Take(2)], TimeSpan.FromSeconds(9), 3, "node-a",
                    "loss is NaN at step 40 (lr 0.01); last losses 2.3, 8.1 <nan> & \"more\"\nsecond line");
            var outcome = Outcome(spec, slowness);
            return TrialResult.Of(spec, TrialEndState.Finished, change is null ? outcome : change(number, outcome), [], TimeSpan.FromSeconds(30 * slowness), 1, "node-a");
        });
        return SweepResults.Of(sweep, trials);
    }

    private static TrialOutcome Outcome(TrialSpec spec, double slowness)
    {
        var epochs = Epochs(spec, slowness);
        var last = epochs[^1].Validation!;
        var counts = ModelCounter.Count(spec.Train.Model, new ModelInput(3, 32, 32, 10));
        var rates = spec.Train.Model is SpikingSpec ? counts.Layers.Select(layer => layer.Name).Distinct().ToDictionary(name => name, name => 0.05 + (0.3 * Noise(spec, name))) : null;
        var energy = counts.Macs * (rates is null ? EnergyAccounting.MacPj : EnergyAccounting.AccumulatePj * rates.Values.Average());
        return new TrialOutcome
        {
            Epochs = epochs,
            Validation = last,
            Test = last with { Images = 10_000, Accuracy = last.Accuracy - 0.01, Loss = last.Loss + 0.02, FiringRateByLayer = rates },
            BestEpoch = epochs.Count,
            Cost = new ModelCost
            {
                Parameters = counts.Parameters,
                Macs = counts.Macs,
                SynapticOperations = rates is null ? 0 : counts.Macs * rates.Values.Average(),
                EnergyPj = energy,
                SpikeSparsity = rates is null ? null : 1 - rates.Values.Average(),
            },
            Latency = new LatencyFigures
            {
                LatencyMsP50 = slowness * counts.Macs / 4e7, LatencyMsP95 = slowness * counts.Macs / 3e7,
                BatchLatencyMsP50 = slowness * counts.Macs / 1e6, BatchLatencyMsP95 = slowness * counts.Macs / 9e5, ImagesPerSecond = 6.4e10 / counts.Macs / slowness,
            },
            WeightsSha256 = Convert.ToHexStringLower(SHA256.HashData(BitConverter.GetBytes(spec.Seed))),
            NumericsFingerprint = "libtorch 2.10.0, AVX-512, 1 thread, cpu",
            TrainSeconds = 28 * slowness,
            Data = new DataDescription("cifar10", "CIFAR-10 (JPEG copy)", new string('a', 64), 45_000, 5_000, 10_000, "0.1 of the training set, stratified"),
        };
    }

    private static List<EpochMetrics> Epochs(TrialSpec spec, double slowness)
    {
        var lr = spec.Train.Optimizer.Lr;
        var capacity = Math.Log10(ModelCounter.Count(spec.Train.Model, new ModelInput(3, 32, 32, 10)).Parameters) / 7;
        var top = 0.9 * capacity * Math.Exp(-Math.Pow(Math.Log10(lr / 2e-3), 2) / 2);
        return [.. Enumerable.Range(1, spec.Train.Epochs).Select(epoch =>
        {
            var accuracy = 0.1 + ((top - 0.1) * (1 - Math.Exp(-epoch / 2.5))) + (0.01 * Noise(spec, $"epoch {epoch}"));
            return new EpochMetrics
            {
                Epoch = epoch,
                Step = epoch * 351L,
                LearningRate = lr * (1 - (epoch / 10.0)),
                TrainLoss = 2.4 * (1 - accuracy),
                TrainAccuracy = Math.Min(1, accuracy + 0.02),
                Validation = new Evaluation { Images = 5000, Loss = 2.5 * (1 - accuracy), Accuracy = accuracy, FiringRate = spec.Train.Model is SpikingSpec ? 0.15 + (0.02 * Noise(spec, $"rate {epoch}")) : null },
                ImagesPerSecond = 100 / slowness,
            };
        })];
    }

    private static double Noise(TrialSpec spec, string what) => KeyedRandom.For(spec.Seed, what).NextDouble();
}
