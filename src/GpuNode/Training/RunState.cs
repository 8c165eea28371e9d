using System.Collections.Immutable;
using Volley.Shared.Results;

namespace Volley.GpuNode.Training;

/// <summary>Where a run is, beside its tensors: all that a new process needs to go on as if nothing had happened.</summary>
public sealed record RunState
{
    /// <summary>Completed optimizer steps.</summary>
    public long Step { get; init; }

    /// <summary>Completed epochs, with their evaluation.</summary>
    public int Epoch { get; init; }

    /// <summary>Completed steps of the epoch under way. All of them: trained through, evaluation still to come.</summary>
    public int StepInEpoch { get; init; }

    /// <summary>Updates the optimizer has made.</summary>
    public long OptimizerSteps { get; init; }

    /// <summary>Running sums of the epoch under way.</summary>
    public double EpochLossSum { get; init; }
    public double EpochHits { get; init; }
    public long EpochImages { get; init; }
    public double EpochSeconds { get; init; }

    /// <summary>Every completed epoch.</summary>
    public ImmutableArray<EpochMetrics> Epochs { get; init; } = [];

    /// <summary>From 1; 0 before the first epoch with an objective value.</summary>
    public int BestEpoch { get; init; }
    public double? BestValue { get; init; }

    /// <summary>Spent training and evaluating, over all attempts.</summary>
    public double TrainSeconds { get; init; }
}
