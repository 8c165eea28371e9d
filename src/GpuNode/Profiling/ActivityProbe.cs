using Volley.Models;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Volley.GpuNode.Profiling;

/// <summary>
/// Measures what the energy accounting needs while a spiking network runs: the mean spikes of each neuron layer, and the mean of what
/// really enters each convolution and linear layer (after pooling, masking and adding, where a neuron's own rate would not say it).
/// </summary>
/// <remarks>Sums stay on the device; they are read once, by <see cref="Rates"/>. While a probe is attached the network runs unfused and slower.</remarks>
public sealed class ActivityProbe : IDisposable
{
    private readonly ImageClassifier _model;
    private readonly List<Action> _removals = [];
    private readonly Dictionary<string, (Tensor Sum, long Count)> _totals = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (Tensor Sum_T, long Count)> _spikes = new(StringComparer.Ordinal);

    private ActivityProbe(ImageClassifier model) => _model = model;

    /// <summary>Attaches to a network until disposed. A network without neurons gets no hooks: its cost does not depend on them.</summary>
    public static ActivityProbe Attach(ImageClassifier model)
    {
        var probe = new ActivityProbe(model);
        if (model.NeuronLayers.Count == 0) return probe;
        model.IsObserved = true;
        foreach (var (name, layer) in model.NeuronLayers)
        {
            var hook = layer.register_forward_hook((_, _, spikes) =>
            {
                probe.AddSpikes(name, spikes);
                return spikes;
            });
            probe._removals.Add(hook.remove);
        }
        foreach (var (name, module) in model.named_modules())
        {
            if (module is not (TorchSharp.Modules.Conv2d or TorchSharp.Modules.Linear)) continue;
            var hook = ((Module<Tensor, Tensor>)module).register_forward_hook((_, input, output) =>
            {
                probe.Add(name, input);
                return output;
            });
            probe._removals.Add(hook.remove);
        }
        return probe;
    }

    /// <summary>Module name → mean over everything it saw: of a neuron layer its spikes, of a weight layer its input.</summary>
    public IReadOnlyDictionary<string, double> Rates()
    {
        var rates = _totals.ToDictionary(total => total.Key, total => total.Value.Sum.item<double>() / total.Value.Count, StringComparer.Ordinal);
        foreach (var (name, byTimeStep) in FiringRatesByTimeStep()) rates.Add(name, byTimeStep.Average());
        return rates;
    }

    /// <summary>Neuron layer → mean spikes per neuron at each time step, T values.</summary>
    public IReadOnlyDictionary<string, double[]> FiringRatesByTimeStep() =>
        _spikes.ToDictionary(total => total.Key, total => total.Value.Sum_T.cpu().data<double>().Select(sum => sum / total.Value.Count).ToArray(), StringComparer.Ordinal);

    public void Dispose()
    {
        foreach (var remove in _removals) remove();
        foreach (var (sum, _) in _totals.Values) sum.Dispose();
        foreach (var (sum, _) in _spikes.Values) sum.Dispose();
        if (_removals.Count > 0) _model.IsObserved = false;
    }

    private void Add(string name, Tensor values)
    {
        using var scope = NewDisposeScope();
        using var off = no_grad();
        Accumulate(_totals, name, values.detach().sum(ScalarType.Float64), values.numel());
    }

    private void AddSpikes(string name, Tensor spikes_TX)
    {
        using var scope = NewDisposeScope();
        using var off = no_grad();
        var timeSteps = spikes_TX.shape[0];
        Accumulate(_spikes, name, spikes_TX.detach().reshape(timeSteps, -1).sum(1, type: ScalarType.Float64), spikes_TX.numel() / timeSteps);
    }

    private static void Accumulate(Dictionary<string, (Tensor Sum, long Count)> totals, string name, Tensor sum, long count)
    {
        if (totals.TryGetValue(name, out var before))
        {
            before.Sum.add_(sum);
            totals[name] = before with { Count = before.Count + count };
        }
        else
        {
            totals[name] = (sum.DetachFromDisposeScope(), count);
        }
    }
}
