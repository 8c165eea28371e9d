namespace Volley.Shared.Results;

/// <summary>What one pass over a part of the data measured. Accuracies, mAP, F1 and rates in 0..1; absent where they make no sense.</summary>
public sealed record Evaluation
{
    public required int Images { get; init; }
    public required double Loss { get; init; }
    public double? Accuracy { get; init; }
    public double? Top5 { get; init; }
    public double? Map { get; init; }
    public double? F1 { get; init; }

    /// <summary>Mean over all neuron layers' outputs and time steps, per neuron.</summary>
    public double? FiringRate { get; init; }

    /// <summary>Per neuron layer, mean over time steps; key: the layer's name in the model.</summary>
    public IReadOnlyDictionary<string, double>? FiringRateByLayer { get; init; }
}

/// <summary>One epoch of one trial, as it is reported and plotted.</summary>
public sealed record EpochMetrics
{
    /// <summary>Completed epochs, from 1.</summary>
    public required int Epoch { get; init; }
    public required long Step { get; init; }
    public required double LearningRate { get; init; }
    public required double TrainLoss { get; init; }
    public double? TrainAccuracy { get; init; }
    public Evaluation? Validation { get; init; }

    /// <summary>Timing: not part of a digest.</summary>
    public required double ImagesPerSecond { get; init; }
}

/// <summary>Accounting of one inference of one image (DESIGN §8; golden/reference_tables.md).</summary>
public sealed record ModelCost
{
    public required long Parameters { get; init; }

    /// <summary>Dense multiply-accumulates, all time steps.</summary>
    public required long Macs { get; init; }

    /// <summary>Accumulates actually caused by spikes; equals 0 for non-spiking models.</summary>
    public double SynapticOperations { get; init; }
    public required double EnergyPj { get; init; }

    /// <summary>1 − firing rate; absent for non-spiking models.</summary>
    public double? SpikeSparsity { get; init; }
}

/// <summary>Timing of inference on the device it was measured on: not part of a digest.</summary>
public sealed record LatencyFigures
{
    public required double LatencyMsP50 { get; init; }
    public required double LatencyMsP95 { get; init; }
    public required double BatchLatencyMsP50 { get; init; }
    public required double BatchLatencyMsP95 { get; init; }
    public required double ImagesPerSecond { get; init; }
}

/// <summary>How a finished trial did.</summary>
public sealed record TrialOutcome
{
    public required IReadOnlyList<EpochMetrics> Epochs { get; init; }

    /// <summary>Of the weights that are reported: the best epoch's by the objective where there is a validation part, else the last.</summary>
    public Evaluation? Validation { get; init; }
    public Evaluation? Test { get; init; }
    public required int BestEpoch { get; init; }
    public required ModelCost Cost { get; init; }
    public LatencyFigures? Latency { get; init; }

    /// <summary>SHA-256 of the final <c>model.safetensors</c>, lower-case hex.</summary>
    public required string WeightsSha256 { get; init; }

    /// <summary>libtorch version, instruction set, threads, device: where bit-equality is claimed.</summary>
    public required string NumericsFingerprint { get; init; }
    public required double TrainSeconds { get; init; }

    /// <summary>Absent where the rank that finished the trial did not say.</summary>
    public DataDescription? Data { get; init; }
}
