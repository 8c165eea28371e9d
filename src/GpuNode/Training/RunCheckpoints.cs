using Volley.GpuNode.Checkpointing;
using Volley.GpuNode.Training.Optimizers;
using Volley.Models.Safetensors;
using Volley.Shared;
using static TorchSharp.torch;

namespace Volley.GpuNode.Training;

/// <summary>Between a run in memory and its checkpoints: which tensor goes into which file, and back.</summary>
internal sealed class RunCheckpoints(TrainingModel model, FlatOptimizer optimizer, BestWeights best)
{
    private readonly SnapshotBuffers _buffers = new();

    /// <summary>Copies everything to host memory. The memory is used again by the next call: nothing may still be written from it.</summary>
    public CheckpointContent Snapshot(StateFile state, int attempt, double? objectiveValue)
    {
        using var scope = NewDisposeScope();
        var tensors = Groups().ToDictionary(group => group.FileName, _buffers.Copy);
        if (!IsBestNow(state.Run) && best.Tensors is { } weights) tensors[CheckpointFiles.Best] = weights;
        return new CheckpointContent(state.Run.Step, attempt, state.Run.Epoch, state.Run.StepInEpoch, objectiveValue, tensors, state.ToJson());
    }

    /// <summary>Sets the run's tensors from a checkpoint. Every file is compared with the run before the first tensor is touched (DESIGN §12, trap 8).</summary>
    /// <exception cref="UserErrorException">The checkpoint belongs to another configuration.</exception>
    public void Restore(OpenedCheckpoint checkpoint, RunState run)
    {
        using var scope = NewDisposeScope();
        var groups = Groups().Select(group => (Group: group, File: Required(checkpoint, group.FileName))).ToArray();
        foreach (var (group, file) in groups) group.Validate(file);
        var needsBest = run.BestEpoch > 0 && !IsBestNow(run);
        var bestFile = needsBest ? Required(checkpoint, CheckpointFiles.Best) : null;
        if (bestFile is not null) model.Weights(CheckpointFiles.Best).Validate(bestFile);

        foreach (var (group, file) in groups) group.Load(file);
        model.Parameters.Publish();
        optimizer.StepCount = run.OptimizerSteps;
        if (bestFile is not null) best.Set(bestFile);
        else if (run.BestEpoch > 0) best.Keep(model);
    }

    /// <summary>All tensors of the run but the best weights, in the same order on every rank. Views belong to the current dispose scope.</summary>
    public IEnumerable<TensorGroup> Groups()
    {
        yield return model.Weights();
        yield return new TensorGroup(CheckpointFiles.Optimizer,
        [
            .. from state in optimizer.State
               from slot in model.Parameters.Layout.Slots
               select ($"{state.Key}/{slot.Name}", state.Value.narrow(0, slot.Offset, slot.Count).view([.. slot.Shape])),
        ]);
        if (model.Average() is { } average) yield return average;
    }

    // The weights in the checkpoint are the best ones: no second copy of them.
    private static bool IsBestNow(RunState run) => run.StepInEpoch == 0 && run.BestEpoch == run.Epoch;

    private static SafetensorsFile Required(OpenedCheckpoint checkpoint, string name) => checkpoint.Tensors(name)
        ?? throw new UserErrorException($"{checkpoint.Directory}: has no {name}, which this run needs. The checkpoint belongs to another configuration.");
}

/// <summary>The reported weights of the best epoch so far, in host memory.</summary>
internal sealed class BestWeights
{
    private readonly SnapshotBuffers _buffers = new();

    /// <summary>null before the first evaluation.</summary>
    public IReadOnlyList<HostTensor>? Tensors { get; private set; }

    public void Keep(TrainingModel model)
    {
        using var scope = NewDisposeScope();
        Tensors = model.WithReportedWeights(() => _buffers.Copy(model.Weights(CheckpointFiles.Best)));
    }

    /// <param name="tensors">In the order of the model's weights; null: no epoch was evaluated yet.</param>
    public void Set(IReadOnlyList<HostTensor>? tensors) => Tensors = tensors;

    public void Set(SafetensorsFile file) => Tensors =
    [
        .. file.Entries.Select(entry =>
        {
            var bytes = new byte[entry.Bytes];
            file.Read(entry, bytes);
            return new HostTensor(entry.Name, entry.Type, entry.Shape, bytes);
        }),
    ];

    /// <summary>Puts the kept weights into the network, for the last evaluation.</summary>
    public void Apply(TrainingModel model)
    {
        if (Tensors is null) return;
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var targets = model.Weights(CheckpointFiles.Best).Tensors.ToDictionary(t => t.Name, t => t.Tensor, StringComparer.Ordinal);
        foreach (var kept in Tensors)
        {
            using var one = NewDisposeScope();
            var host = empty(kept.Shape.ToArray(), kept.Type.ToScalarType());
            kept.Data.Span.CopyTo(host.bytes);
            targets[kept.Name].copy_(host);
        }
        model.Parameters.Publish();
    }
}
