using static TorchSharp.torch;

namespace Volley.Models.Spiking;

/// <summary>Integrate-and-fire without leak: h = v + x.</summary>
public sealed class IntegrateFireNeuron(NeuronSettings settings) : SpikingNeuron(nameof(IntegrateFireNeuron), settings)
{
    internal override Tensor? Decay(Tensor like) => null;
}
