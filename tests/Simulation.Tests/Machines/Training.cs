using System.Collections.Concurrent;
using Volley.Shared.Config;
using Volley.Shared.Determinism;
using Volley.Shared.Results;

namespace Volley.Simulation.Tests.Machines;

/// <summary>
/// Training that only hashes. The "weights" after a step are a hash of those before it, of the trial's seed and of the step, so a run that went back,
/// skipped, mixed two trials up or took a damaged checkpoint for a good one ends with other weights.
/// </summary>
internal static class Training
{
    public const int StepsPerEpoch = 3;

    private static readonly ConcurrentDictionary<string, TrialSpec> Parsed = new();
    private static readonly ConcurrentDictionary<(ulong Seed, long Step), ulong> Known = new();

    public static TrialSpec Parse(string specJson) => Parsed.GetOrAdd(specJson, ConfigJson.Deserialize);

    public static ulong Initial(TrialSpec spec) => Seeds.Derive(spec.Seed, "init");

    public static ulong Step(TrialSpec spec, ulong weights, long step) => Seeds.Derive(weights, "step", (long)spec.Seed, step);

    /// <summary>What an undisturbed run has after that many steps.</summary>
    public static ulong WeightsAt(TrialSpec spec, long step) =>
        Known.GetOrAdd((spec.Seed, step), _ => step == 0 ? Initial(spec) : Step(spec, WeightsAt(spec, step - 1), step));

    public static string Hash(ulong weights) => $"{weights:x16}";

    public static double Accuracy(ulong weights, int epoch) => (weights % 1000 / 2000.0) + (0.01 * epoch);

    public static EpochMetrics Epoch(ulong weights, int epoch) => new()
    {
        Epoch = epoch, Step = epoch * StepsPerEpoch, LearningRate = 0.001, TrainLoss = 1.0 / epoch, ImagesPerSecond = 50,
        Validation = new Evaluation { Images = 10, Loss = 0.5, Accuracy = Accuracy(weights, epoch) },
    };

    public static TrialOutcome Outcome(ulong weights, int epochs) => new()
    {
        Epochs = [],
        Validation = Epoch(weights, epochs).Validation,
        BestEpoch = epochs,
        Cost = new ModelCost { Parameters = 1, Macs = 2, EnergyPj = 3 },
        WeightsSha256 = Hash(weights),
        NumericsFingerprint = "simulated",
        TrainSeconds = 1,
    };
}
