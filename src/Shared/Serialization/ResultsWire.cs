using System.Collections.ObjectModel;
using Volley.Shared.Results;
using Volley.Shared.Serialization.Wire;

namespace Volley.Shared.Serialization;

/// <summary>Measurements ↔ their protobuf form; the gRPC link between agent and rank uses the same.</summary>
public static class ResultsWire
{
    public static EvaluationWire ToWire(this Evaluation evaluation)
    {
        var wire = new EvaluationWire { Images = evaluation.Images, Loss = evaluation.Loss };
        if (evaluation.Accuracy is { } accuracy) wire.Accuracy = accuracy;
        if (evaluation.Top5 is { } top5) wire.Top5 = top5;
        if (evaluation.Map is { } map) wire.Map = map;
        if (evaluation.F1 is { } f1) wire.F1 = f1;
        if (evaluation.FiringRate is { } rate) wire.FiringRate = rate;
        if (evaluation.FiringRateByLayer is { } byLayer)
        {
            wire.FiringRateByLayer = new FiringRatesWire();
            foreach (var (layer, layerRate) in byLayer) wire.FiringRateByLayer.ByLayer.Add(layer, layerRate);
        }
        return wire;
    }

    public static Evaluation FromWire(this EvaluationWire wire) => new()
    {
        Images = wire.Images,
        Loss = wire.Loss,
        Accuracy = wire.HasAccuracy ? wire.Accuracy : null,
        Top5 = wire.HasTop5 ? wire.Top5 : null,
        Map = wire.HasMap ? wire.Map : null,
        F1 = wire.HasF1 ? wire.F1 : null,
        FiringRate = wire.HasFiringRate ? wire.FiringRate : null,
        FiringRateByLayer = wire.FiringRateByLayer is { } byLayer
            ? new ReadOnlyDictionary<string, double>(new Dictionary<string, double>(byLayer.ByLayer))
            : null,
    };

    public static EpochMetricsWire ToWire(this EpochMetrics epoch)
    {
        var wire = new EpochMetricsWire
        {
            Epoch = epoch.Epoch,
            Step = epoch.Step,
            LearningRate = epoch.LearningRate,
            TrainLoss = epoch.TrainLoss,
            Validation = epoch.Validation?.ToWire(),
            ImagesPerSecond = epoch.ImagesPerSecond,
        };
        if (epoch.TrainAccuracy is { } accuracy) wire.TrainAccuracy = accuracy;
        return wire;
    }

    public static EpochMetrics FromWire(this EpochMetricsWire wire) => new()
    {
        Epoch = wire.Epoch,
        Step = wire.Step,
        LearningRate = wire.LearningRate,
        TrainLoss = wire.TrainLoss,
        TrainAccuracy = wire.HasTrainAccuracy ? wire.TrainAccuracy : null,
        Validation = wire.Validation?.FromWire(),
        ImagesPerSecond = wire.ImagesPerSecond,
    };

    public static TrialOutcomeWire ToWire(this TrialOutcome outcome)
    {
        var wire = new TrialOutcomeWire
        {
            Validation = outcome.Validation?.ToWire(),
            Test = outcome.Test?.ToWire(),
            BestEpoch = outcome.BestEpoch,
            Cost = outcome.Cost.ToWire(),
            Latency = outcome.Latency?.ToWire(),
            WeightsSha256 = outcome.WeightsSha256,
            NumericsFingerprint = outcome.NumericsFingerprint,
            TrainSeconds = outcome.TrainSeconds,
            Data = outcome.Data?.ToWire(),
        };
        wire.Epochs.AddRange(outcome.Epochs.Select(ToWire));
        return wire;
    }

    public static TrialOutcome FromWire(this TrialOutcomeWire wire) => new()
    {
        Epochs = [.. wire.Epochs.Select(FromWire)],
        Validation = wire.Validation?.FromWire(),
        Test = wire.Test?.FromWire(),
        BestEpoch = wire.BestEpoch,
        Cost = wire.Cost.FromWire(),
        Latency = wire.Latency?.FromWire(),
        WeightsSha256 = wire.WeightsSha256,
        NumericsFingerprint = wire.NumericsFingerprint,
        TrainSeconds = wire.TrainSeconds,
        Data = wire.Data?.FromWire(),
    };

    private static DataDescriptionWire ToWire(this DataDescription data) => new()
    {
        Name = data.Name,
        Source = data.Source,
        Digest = data.Digest,
        TrainImages = data.TrainImages,
        ValidationImages = data.ValidationImages,
        TestImages = data.TestImages,
        Split = data.Split,
    };

    private static DataDescription FromWire(this DataDescriptionWire wire) =>
        new(wire.Name, wire.Source, wire.Digest, wire.TrainImages, wire.ValidationImages, wire.TestImages, wire.Split);

    private static ModelCostWire ToWire(this ModelCost cost)
    {
        var wire = new ModelCostWire
        {
            Parameters = cost.Parameters,
            Macs = cost.Macs,
            SynapticOperations = cost.SynapticOperations,
            EnergyPj = cost.EnergyPj,
        };
        if (cost.SpikeSparsity is { } sparsity) wire.SpikeSparsity = sparsity;
        return wire;
    }

    private static ModelCost FromWire(this ModelCostWire wire) => new()
    {
        Parameters = wire.Parameters,
        Macs = wire.Macs,
        SynapticOperations = wire.SynapticOperations,
        EnergyPj = wire.EnergyPj,
        SpikeSparsity = wire.HasSpikeSparsity ? wire.SpikeSparsity : null,
    };

    private static LatencyFiguresWire ToWire(this LatencyFigures latency) => new()
    {
        LatencyMsP50 = latency.LatencyMsP50,
        LatencyMsP95 = latency.LatencyMsP95,
        BatchLatencyMsP50 = latency.BatchLatencyMsP50,
        BatchLatencyMsP95 = latency.BatchLatencyMsP95,
        ImagesPerSecond = latency.ImagesPerSecond,
    };

    private static LatencyFigures FromWire(this LatencyFiguresWire wire) => new()
    {
        LatencyMsP50 = wire.LatencyMsP50,
        LatencyMsP95 = wire.LatencyMsP95,
        BatchLatencyMsP50 = wire.BatchLatencyMsP50,
        BatchLatencyMsP95 = wire.BatchLatencyMsP95,
        ImagesPerSecond = wire.ImagesPerSecond,
    };
}
