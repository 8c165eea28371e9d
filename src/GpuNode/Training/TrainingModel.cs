using TorchSharp;
using Volley.GpuNode.Checkpointing;
using Volley.GpuNode.Training.Optimizers;
using Volley.Models;
using static TorchSharp.torch;

namespace Volley.GpuNode.Training;

/// <summary>A network and everything that a step changes beside the optimizer: parameters, gradients, buffers, and their moving average. Owns all of it.</summary>
public sealed class TrainingModel : IDisposable
{
    private readonly FlatTensors? _averageParameters;
    private readonly FlatTensors? _averageBuffers;
    private readonly Tensor? _averageWeight;

    /// <param name="network">In full precision. Owned from now on; moved and converted to <paramref name="place"/>.</param>
    /// <param name="emaDecay">0: no average is kept.</param>
    public TrainingModel(ImageClassifier network, ComputePlace place, double emaDecay)
    {
        Network = network;
        network.to(place.Device);   // before anything is keyed by a parameter's handle
        Parameters = FlatParameters.Attach(network, network.UnusedParameters, place.Type);
        var buffers = network.named_buffers().ToArray();
        Buffers = FlatTensors.Adopt([.. buffers.Where(b => b.buffer.is_floating_point())], Parameters.Values.dtype);
        Counters = FlatTensors.Adopt([.. buffers.Where(b => !b.buffer.is_floating_point())], ScalarType.Int64);
        if (emaDecay <= 0) return;
        _averageParameters = CopyOf(Parameters.Layout, Parameters.Values);
        _averageBuffers = CopyOf(Buffers.Layout, Buffers.Values);
        _averageWeight = tensor(1.0 - emaDecay, dtype: Parameters.Values.dtype, device: Device).DetachFromDisposeScope();
    }

    public ImageClassifier Network { get; }

    public FlatParameters Parameters { get; }

    /// <summary>Floating-point buffers: the running statistics of batch norm.</summary>
    public FlatTensors Buffers { get; }

    /// <summary>Integer buffers: how many batches a batch norm has seen.</summary>
    public FlatTensors Counters { get; }

    public bool HasAverage => _averageParameters is not null;

    public Device Device => Parameters.Values.device;

    /// <summary>average += (1 − decay) (value − average), for parameters and running statistics; after the optimizer's update.</summary>
    public void UpdateAverage()
    {
        if (_averageParameters is null || _averageBuffers is null || _averageWeight is null) return;
        using var _ = no_grad();
        _averageParameters.Values.lerp_(Parameters.Values, _averageWeight);
        if (_averageBuffers.Layout.Length > 0) _averageBuffers.Values.lerp_(Buffers.Values, _averageWeight);
    }

    /// <summary>Runs <paramref name="action"/> with the averaged weights in place where there are any: they are what is evaluated and reported.</summary>
    public T WithReportedWeights<T>(Func<T> action) => HasAverage ? WithWeights(UseReportedWeights, action) : action();

    /// <summary>Runs <paramref name="action"/> with other weights, buffers and counters in place, and puts the run's own back.</summary>
    public T WithWeights<T>(Action put, Func<T> action)
    {
        using var scope = NewDisposeScope();
        var parameters = Parameters.Values.clone();
        var buffers = Buffers.Values.clone();
        var counters = Counters.Values.clone();
        try
        {
            put();
            return action();
        }
        finally
        {
            Set(parameters, buffers);
            using var _ = no_grad();
            Counters.Values.copy_(counters);
        }
    }

    /// <summary>Puts the averaged weights in place for good, where there are any.</summary>
    public void UseReportedWeights()
    {
        if (_averageParameters is not null && _averageBuffers is not null) Set(_averageParameters.Values, _averageBuffers.Values);
    }

    /// <summary>All parameters (in full precision) and buffers under the names of the state dictionary. Views belong to the current dispose scope.</summary>
    public TensorGroup Weights(string fileName = CheckpointFiles.Model)
    {
        var full = Parameters.Layout.Slots.Select((slot, i) => (slot.Name, i)).ToDictionary(slot => slot.Name, slot => slot.i);
        return new TensorGroup(fileName,
            [.. Network.state_dict().Select(item => (item.Key, full.TryGetValue(item.Key, out var slot) ? Parameters.Value(slot) : item.Value))]);
    }

    /// <summary>The moving average under the same names; unused parameters and counters are not averaged. Its tensors belong to the current dispose scope.</summary>
    public TensorGroup? Average()
    {
        if (_averageParameters is null || _averageBuffers is null) return null;
        return new TensorGroup(CheckpointFiles.Ema, [.. Views(_averageParameters), .. Views(_averageBuffers)]);
    }

    public void Dispose()
    {
        _averageParameters?.Dispose();
        _averageBuffers?.Dispose();
        _averageWeight?.Dispose();
        Network.Dispose();
        Parameters.Dispose();
        Buffers.Dispose();
        Counters.Dispose();
    }

    internal static IEnumerable<(string Name, Tensor Tensor)> Views(FlatTensors flat) =>
        flat.Layout.Slots.Select((slot, i) => (slot.Name, flat.View(i)));

    private void Set(Tensor parameters, Tensor buffers)
    {
        using var _ = no_grad();
        Parameters.Values.copy_(parameters);
        Parameters.Publish();
        Buffers.Values.copy_(buffers);
    }

    private static FlatTensors CopyOf(FlatLayout layout, Tensor values)
    {
        var copy = FlatTensors.Zeros(layout, values.dtype, values.device);
        using var _ = no_grad();
        copy.Values.copy_(values);
        return copy;
    }
}
