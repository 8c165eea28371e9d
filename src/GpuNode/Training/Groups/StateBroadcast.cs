using System.Text.Json;
using Volley.GpuNode.Checkpointing;
using Volley.GpuNode.Collectives;
using Volley.GpuNode.Training.Optimizers;
using Volley.Models.Safetensors;
using Volley.Shared.Config;
using Volley.Shared.Failpoints;
using static TorchSharp.torch;

namespace Volley.GpuNode.Training.Groups;

/// <summary>
/// Brings every rank of a new group to the state of the most advanced one: position in the run, running sums, epochs, patience, weights,
/// optimizer, buffers, moving average, best weights. Nothing travels where all are equal.
/// </summary>
/// <remarks>
/// Everything is received aside and taken over when all of it is there: a rank that loses the group meanwhile still has what it had. Names and
/// shapes follow from the configuration, which the handshake compared, so only values travel.
/// </remarks>
internal sealed class StateBroadcast(TrainingModel model, FlatOptimizer optimizer, RunCheckpoints checkpoints, BestWeights best)
{
    private const long Alignment = 64;

    /// <param name="own">Null: nothing in memory.</param>
    /// <param name="initial">Where nobody has anything: restores or begins, on position 0 alone.</param>
    /// <returns>The state that all have now, and whether it came from another rank.</returns>
    public (RunState State, bool HasChanged) Level(ICollective group, RunState? own, Func<RunState> initial)
    {
        var places = Places(group, own);
        if (places.All(place => place.Step < 0))
        {
            if (group.Position == 0) own = initial();
            places = Places(group, own);
        }
        var newest = places.Max();
        var source = Array.IndexOf(places, newest);
        if (places.All(place => place == newest)) return (own!, false);
        var received = Send(group, source, own);
        return group.Position == source || places[group.Position] == newest ? (own!, false) : (received, true);
    }

    /// <summary>Steps alone do not say it: after the last of an epoch comes its evaluation.</summary>
    private static (long Step, long Epoch)[] Places(ICollective group, RunState? own) =>
        [.. GroupBytes.Gather(group, [own?.Step ?? -1, own?.Epoch ?? -1], new OperationName("position")).Select(place => ((long)place[0], (long)place[1]))];

    private RunState Send(ICollective group, int source, RunState? own)
    {
        using var scope = NewDisposeScope();
        using var off = no_grad();
        var isSource = group.Position == source;
        var header = GroupBytes.Broadcast(group, isSource ? JsonSerializer.SerializeToUtf8Bytes(new Header(own!, best.Tensors is not null), ConfigJson.Options) : [], source, new OperationName("state"));
        var (run, hasBest) = JsonSerializer.Deserialize<Header>(header, ConfigJson.Options) ?? throw new InvalidOperationException("an empty state was received");

        var tensors = checkpoints.Groups().SelectMany(part => part.Tensors).Select(part => part.Tensor).ToArray();
        var bestTensors = hasBest ? model.Weights(CheckpointFiles.Best).Tensors : [];
        var bytes = tensors.Concat(bestTensors.Select(part => part.Tensor)).Sum(tensor => Padded(Bytes(tensor)));
        using var memory = new AlignedMemory(bytes);
        if (isSource)
        {
            var at = 0L;
            foreach (var tensor in tensors)
            {
                using var one = NewDisposeScope();
                tensor.detach().cpu().contiguous().bytes.CopyTo(At(memory, at, Bytes(tensor)));
                at += Padded(Bytes(tensor));
            }
            // By name: those that came from a checkpoint lie in the order of its file.
            var kept = hasBest ? best.Tensors!.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal) : [];
            foreach (var (name, _) in bestTensors)
            {
                var data = kept[name].Data;
                data.Span.CopyTo(At(memory, at, data.Length));
                at += Padded(data.Length);
            }
        }
        Failpoint.Hit(FailpointNames.RankStateBroadcast);
        group.Broadcast(memory.Address, bytes, source, new OperationName("state")).Wait();
        // Ranks that are as far already took part and keep their own, which is the same.
        if (!isSource && (own is null || (own.Step, own.Epoch) != (run.Step, run.Epoch))) Take(run, memory, tensors, bestTensors);
        return run;
    }

    private void Take(RunState run, AlignedMemory memory, Tensor[] tensors, IReadOnlyList<(string Name, Tensor Tensor)> bestTensors)
    {
        var at = 0L;
        foreach (var tensor in tensors)
        {
            using var one = NewDisposeScope();
            var host = empty(tensor.shape, tensor.dtype);
            At(memory, at, Bytes(tensor)).CopyTo(host.bytes);
            tensor.copy_(host);
            at += Padded(Bytes(tensor));
        }
        model.Parameters.Publish();
        optimizer.StepCount = run.OptimizerSteps;
        var kept = new List<HostTensor>();
        foreach (var (name, tensor) in bestTensors)
        {
            kept.Add(new HostTensor(name, tensor.dtype.ToSafetensorsType(), [.. tensor.shape], At(memory, at, Bytes(tensor)).ToArray()));
            at += Padded(Bytes(tensor));
        }
        best.Set(kept.Count > 0 ? kept : null);
    }

    private static unsafe Span<byte> At(AlignedMemory memory, long offset, long bytes) => new((byte*)memory.Address + offset, checked((int)bytes));

    private static long Bytes(Tensor tensor) => tensor.NumberOfElements * tensor.ElementSize;

    private static long Padded(long bytes) => (bytes + Alignment - 1) / Alignment * Alignment;

    private sealed record Header(RunState Run, bool HasBest);
}
