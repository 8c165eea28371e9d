using Volley.Shared.Config;

namespace Volley.Models.Spiking;

/// <summary>Makes the layers of one model, all of the kind its specification names.</summary>
internal sealed class SpikingNeurons(SpikingSpec spec)
{
    private readonly NeuronSettings _settings = NeuronSettings.From(spec);

    public SpikingNeuron Create() => Create(_settings);

    /// <summary>Half the threshold, as both references have it after attention.</summary>
    public SpikingNeuron CreateForAttention() => Create(_settings with { Threshold = 0.5 * _settings.Threshold });

    private SpikingNeuron Create(NeuronSettings settings) => spec.Neuron switch
    {
        "plif" => new ParametricLifNeuron(settings),
        "if" => new IntegrateFireNeuron(settings),
        _ => new LifNeuron(settings),
    };
}
