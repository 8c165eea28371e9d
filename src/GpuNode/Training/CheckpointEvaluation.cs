using Volley.GpuNode.Checkpointing;
using Volley.GpuNode.Data;
using Volley.GpuNode.Training.Optimizers;
using Volley.Models;
using Volley.Shared;
using Volley.Shared.Config;
using Volley.Shared.Results;
using static TorchSharp.torch;

namespace Volley.GpuNode.Training;

/// <summary>Evaluates the weights of a checkpoint, restored as a run would restore them.</summary>
internal static class CheckpointEvaluation
{
    /// <param name="weights">reported | last | best.</param>
    /// <exception cref="UserErrorException">The part is empty, the weights are not there, or the data is not what it was trained on.</exception>
    public static Evaluation Run(OpenedCheckpoint checkpoint, StateFile saved, TrialSpec spec, ITrainingData data, DataPart part, string weights, CancellationToken stop)
    {
        ResumeRules.RequireSameRun(saved, spec, data.Description.Digest, checkpoint.StatePath);
        var images = part switch { DataPart.Train => data.TrainImages, DataPart.Validation => data.ValidationImages, _ => data.TestImages };
        if (images == 0) throw new UserErrorException($"{checkpoint.Directory}: its data has no {part.ToString().ToLowerInvariant()} images ({data.Description.Split}). Choose another --part.");
        if (weights == "best" && saved.Run.BestEpoch == 0)
            throw new UserErrorException($"{checkpoint.Directory}: no epoch had been evaluated by its objective yet, so there are no best weights. Use --weights last.");

        var place = TrainingPlace.Choose(spec);
        set_num_threads(spec.Resources.ThreadsPerRank);
        using var scope = NewDisposeScope();
        using var model = new TrainingModel(ModelRegistry.Create(spec.Train.Model, data.Input, spec.Seed), place, spec.Train.EmaDecay);
        using var optimizer = FlatOptimizer.Create(spec.Train.Optimizer, model.Parameters, model.Network.NeverDecayed);
        var best = new BestWeights();
        new RunCheckpoints(model, optimizer, best).Restore(checkpoint, saved.Run);
        if (weights != "last" && best.Tensors is not null) best.Apply(model);
        else if (weights != "last") model.UseReportedWeights();
        return Evaluator.Run(new(model.Network, spec.Train.Model, place), data, part, EvaluationBatch.Size(spec), spec.Seed, stop).Evaluation;
    }
}
