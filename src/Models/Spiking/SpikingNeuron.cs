using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Volley.Models.Spiking;

/// <summary>A layer of spiking neurons over time: charge, fire, reset. The membrane starts at rest in each call.</summary>
public abstract class SpikingNeuron(string name) : Module<Tensor, Tensor>(name)
{
    /// <param name="x_TX">Input current, [T, …]. Borrowed.</param>
    /// <returns>Spikes in {0, 1}, same shape, dtype and device. Owned by the caller.</returns>
    public abstract override Tensor forward(Tensor x_TX);
}
