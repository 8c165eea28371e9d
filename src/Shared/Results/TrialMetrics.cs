using System.Collections.Immutable;

namespace Volley.Shared.Results;

/// <summary>An outcome as names and numbers: the columns of tables, the axes of plots, what an objective may name.</summary>
public static class TrialMetrics
{
    /// <summary>What the configuration, the seed and the data decide: equal in every run.</summary>
    public static ImmutableSortedDictionary<string, double> Of(TrialOutcome outcome)
    {
        var metrics = ImmutableSortedDictionary.CreateBuilder<string, double>(StringComparer.Ordinal);
        metrics["best_epoch"] = outcome.BestEpoch;
        Add("val", outcome.Validation);
        Add("test", outcome.Test);
        metrics["parameters"] = outcome.Cost.Parameters;
        metrics["macs"] = outcome.Cost.Macs;
        metrics["synaptic_operations"] = outcome.Cost.SynapticOperations;
        metrics["energy_pj"] = outcome.Cost.EnergyPj;
        Put("spike_sparsity", outcome.Cost.SpikeSparsity);
        return metrics.ToImmutable();

        void Add(string part, Evaluation? evaluation)
        {
            if (evaluation is null) return;
            metrics[part + "_images"] = evaluation.Images;
            metrics[part + "_loss"] = evaluation.Loss;
            Put(part + "_accuracy", evaluation.Accuracy);
            Put(part + "_top5", evaluation.Top5);
            Put(part + "_map", evaluation.Map);
            Put(part + "_f1", evaluation.F1);
            Put(part + "_firing_rate", evaluation.FiringRate);
        }

        void Put(string name, double? value)
        {
            if (value is { } number) metrics[name] = number;
        }
    }

    /// <summary>What the machine decides: never part of a digest.</summary>
    public static ImmutableSortedDictionary<string, double> TimingOf(TrialOutcome outcome, IReadOnlyList<EpochMetrics> epochs)
    {
        var timing = ImmutableSortedDictionary.CreateBuilder<string, double>(StringComparer.Ordinal);
        timing["train_seconds"] = outcome.TrainSeconds;
        // The median: the first epoch also warms up.
        if (epochs.Count > 0) timing["train_images_per_second"] = epochs.Select(epoch => epoch.ImagesPerSecond).Order().ElementAt(epochs.Count / 2);
        if (outcome.Latency is not { } latency) return timing.ToImmutable();
        timing["latency_ms_p50"] = latency.LatencyMsP50;
        timing["latency_ms_p95"] = latency.LatencyMsP95;
        timing["batch_latency_ms_p50"] = latency.BatchLatencyMsP50;
        timing["batch_latency_ms_p95"] = latency.BatchLatencyMsP95;
        timing["inference_images_per_second"] = latency.ImagesPerSecond;
        return timing.ToImmutable();
    }
}
