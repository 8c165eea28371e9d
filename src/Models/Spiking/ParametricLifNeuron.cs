using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Volley.Models.Spiking;

/// <summary>LIF whose time constant is learned: 1/τ = σ(w), one scalar w per layer. Fang et al. 2021 (PLIF).</summary>
public sealed class ParametricLifNeuron : SpikingNeuron
{
    // Carries the reference's name; a field of another name would go stale when the module changes its type.
    private readonly Parameter w;

    public ParametricLifNeuron(NeuronSettings settings) : base(nameof(ParametricLifNeuron), settings)
    {
        if (!(settings.Tau > 1)) throw new ArgumentOutOfRangeException(nameof(settings), settings.Tau, "τ must be greater than 1: 1/τ is a sigmoid");
        w = new Parameter(tensor((float)-Math.Log(settings.Tau - 1)));
        RegisterComponents();
    }

    internal override Tensor? Decay(Tensor like) => w.sigmoid();
}
