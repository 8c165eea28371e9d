using Volley.Models;
using Volley.Shared.Config;
using Volley.Shared.ModelCosts;
using Volley.Shared.Results;
using static TorchSharp.torch;

namespace Volley.GpuNode.Profiling;

/// <summary>What a network costs: counts from its specification, rates from a run, energy from both.</summary>
public static class ModelProfiler
{
    // Rates are means over millions of neurons; more images change the third digit.
    private const int RateImages = 64;

    // Images at a time: memory, not speed.
    private const int RateBatch = 16;

    /// <summary>The figures of a trial's result.</summary>
    /// <param name="model">Checked against the counts: a difference is a bug.</param>
    /// <param name="spec">What it was built from.</param>
    /// <param name="input">What the data decides.</param>
    /// <param name="rates">
    /// From <see cref="ActivityProbe.Rates"/>, or mean firing rate per neuron layer alone; then the inputs of layers behind pooling count at
    /// the rate before it (<see cref="EnergyAccounting"/>). Empty for networks without spikes.
    /// </param>
    public static ModelCost Cost(ImageClassifier model, ModelSpec spec, ModelInput input, IReadOnlyDictionary<string, double> rates) =>
        EnergyAccounting.Cost(CheckedCounts(model, spec, input), rates);

    /// <summary>The same with rates measured here, on images.</summary>
    /// <param name="images">Normalised, [B, C, H, W], any device. Borrowed.</param>
    public static ModelCost Cost(ImageClassifier model, ModelSpec spec, ModelInput input, Tensor images) =>
        Cost(model, spec, input, MeasureRates(model, images, batchStatistics: false).Rates);

    /// <param name="isTrained">False: batch norm has no statistics of any data yet, so rates are measured with each batch's own.</param>
    /// <param name="budget">Time for latency.</param>
    public static ModelProfile Profile(ImageClassifier model, ModelSpec spec, ModelInput input, bool isTrained, int batch, TimeSpan budget)
    {
        using var scope = NewDisposeScope();
        var counts = CheckedCounts(model, spec, input);
        var (rates, ratesByTimeStep) = MeasureRates(model, ProfileImages.Random(input, RateImages), batchStatistics: !isTrained);
        var source = $"{RateImages} random normal images (seed {ProfileImages.Seed}), "
            + (isTrained ? "trained weights" : "untrained weights, batch norm with each batch's own statistics");
        return new ModelProfile(
            spec, input, counts, rates, ratesByTimeStep, EnergyAccounting.Account(counts, rates), EnergyAccounting.Cost(counts, rates),
            LatencyMeter.Measure(model, input, batch, budget), batch, source);
    }

    private static (IReadOnlyDictionary<string, double> Rates, IReadOnlyDictionary<string, double[]> ByTimeStep) MeasureRates(ImageClassifier model, Tensor images, bool batchStatistics)
    {
        if (model.NeuronLayers.Count == 0) return (new Dictionary<string, double>(), new Dictionary<string, double[]>());
        using var scope = NewDisposeScope();
        using var off = no_grad();
        var parameter = model.parameters().First();
        var wasTraining = model.training;
        var buffers = model.named_buffers().Select(b => (b.buffer, Before: b.buffer.clone())).ToArray();
        model.train(batchStatistics);
        using var probe = ActivityProbe.Attach(model);
        for (var start = 0L; start < images.shape[0]; start += RateBatch)
        {
            using var one = NewDisposeScope();
            _ = model.call(images.narrow(0, start, Math.Min(RateBatch, images.shape[0] - start)).to(parameter.device).to_type(parameter.dtype));
        }
        foreach (var (buffer, before) in buffers) buffer.copy_(before);   // measuring must not train
        model.train(wasTraining);
        return (probe.Rates(), probe.FiringRatesByTimeStep());
    }

    private static ModelCounts CheckedCounts(ImageClassifier model, ModelSpec spec, ModelInput input)
    {
        var counts = ModelCounter.Count(spec, input);
        var parameters = model.parameters().Sum(p => p.numel());
        if (counts.Parameters != parameters)
            throw new InvalidOperationException($"{spec.Name}: the specification counts {counts.Parameters} parameters, the network has {parameters}.");
        return counts;
    }
}

/// <summary>All that <c>volley profile</c> shows.</summary>
/// <param name="RatesByTimeStep">Neuron layer → firing rate at each time step.</param>
/// <param name="RatesFrom">For people: on what the rates were measured.</param>
public sealed record ModelProfile(
    ModelSpec Spec, ModelInput Input, ModelCounts Counts, IReadOnlyDictionary<string, double> Rates, IReadOnlyDictionary<string, double[]> RatesByTimeStep,
    EnergySheet Energy, ModelCost Cost,
    LatencyFigures Latency, int Batch, string RatesFrom);
