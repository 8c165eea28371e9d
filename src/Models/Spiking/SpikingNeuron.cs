using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Volley.Models.Spiking;

/// <summary>A layer of spiking neurons over time: charge, fire, reset. The membrane starts at rest in each call.</summary>
public abstract class SpikingNeuron(string name) : Module<Tensor, Tensor>(name)
{
    /// <param name="x_TX">Input current, [T, …]. Borrowed.</param>
    /// <returns>Spikes in {0, 1}, same shape, dtype and device. Owned by the caller.</returns>
    public abstract override Tensor forward(Tensor x_TX);

    /// <summary>The same equations in plain tensor operations, with the membrane visible: what checks compare, and the fused kernel's reference.</summary>
    /// <param name="x_TX">Input current, [T, …]. Borrowed.</param>
    /// <param name="v0_X">Membrane before the first time step, shape of one step; null: at rest. Borrowed.</param>
    /// <returns>Differentiable in the input (and PLIF's w) through all three tensors. Owned by the caller.</returns>
    public abstract NeuronTrace Trace(Tensor x_TX, Tensor? v0_X = null);
}

/// <param name="Spikes_TX">s[t].</param>
/// <param name="H_TX">Membrane after charging, before fire and reset.</param>
/// <param name="V_TX">Membrane after the reset.</param>
public sealed record NeuronTrace(Tensor Spikes_TX, Tensor H_TX, Tensor V_TX);
