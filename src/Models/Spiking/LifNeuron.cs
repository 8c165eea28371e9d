using static TorchSharp.torch;

namespace Volley.Models.Spiking;

/// <summary>Leaky integrate-and-fire with a fixed time constant. Zhou et al. 2023 (Spikformer), eq. 1–3.</summary>
public sealed class LifNeuron(NeuronSettings settings) : SpikingNeuron(nameof(LifNeuron), settings)
{
    internal override Tensor? Decay(Tensor like) => tensor(1.0 / Settings.Tau, dtype: like.dtype, device: like.device);
}
