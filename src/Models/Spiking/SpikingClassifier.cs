using Volley.Shared.Config;
using static TorchSharp.torch;

namespace Volley.Models.Spiking;

/// <summary>What SDT and Spikformer share: time, encoder, neuron layers, kernels.</summary>
/// <remarks>A derived constructor makes its parts with <see cref="Flow"/> and <see cref="Neurons"/>, then calls <c>RegisterComponents()</c>.</remarks>
public abstract class SpikingClassifier : ImageClassifier
{
    private readonly Lazy<IReadOnlyList<(string, SpikingNeuron)>> _neuronLayers;
    private readonly Lazy<IReadOnlySet<string>> _unused;
    private protected readonly SpikingFlow Flow;
    private protected readonly SpikingNeurons Neurons;
    private protected readonly InputEncoder Encoder;

    private protected SpikingClassifier(string name, SpikingSpec spec) : base(name)
    {
        Neurons = new SpikingNeurons(spec);
        Flow = new SpikingFlow(spec.TimeSteps);
        Encoder = new InputEncoder(spec.Encoder, spec.TimeSteps);
        _neuronLayers = new(() => [.. UsedNeurons().Select(layer => (layer, (SpikingNeuron)get_submodule(layer)))]);
        _unused = new(() => named_parameters().Select(p => p.name).Where(IsUnused).ToHashSet());
    }

    public override int TimeSteps => Flow.TimeSteps;

    public override bool IsObserved
    {
        get => Flow.IsObserved;
        set => Flow.IsObserved = value;
    }

    /// <summary>For all norms and neuron layers at once: which implementation runs.</summary>
    public NeuronKernel Kernel
    {
        get => Flow.Kernel;
        set
        {
            Flow.Kernel = value;
            foreach (var (_, layer) in NeuronLayers) layer.Kernel = value;
        }
    }

    public override IReadOnlyList<(string Name, SpikingNeuron Layer)> NeuronLayers => _neuronLayers.Value;

    public override IReadOnlySet<string> UnusedParameters => _unused.Value;

    public override Tensor forward(Tensor x_BCHW)
    {
        using var scope = NewDisposeScope();
        return MeanLogits(Features(x_BCHW)).MoveToOuterDisposeScope();
    }

    public override Tensor ForwardPerTimeStep(Tensor x_BCHW)
    {
        using var scope = NewDisposeScope();
        return LogitsPerTimeStep(Features(x_BCHW)).MoveToOuterDisposeScope();
    }

    /// <returns>What goes into the head, [T, B, D].</returns>
    private protected abstract Tensor Features(Tensor x_BCHW);

    private protected abstract Tensor LogitsPerTimeStep(Tensor x_TBD);

    private protected abstract Tensor MeanLogits(Tensor x_TBD);

    /// <summary>Names of neuron layers that forward calls, in order of first use.</summary>
    private protected abstract IEnumerable<string> UsedNeurons();

    /// <summary>Whether a parameter takes no part in forward.</summary>
    private protected abstract bool IsUnused(string parameter);

    private TorchSharp.torch.nn.Module get_submodule(string name) =>
        named_modules().First(m => m.name == name).module;
}
