using TorchSharp.Modules;
using Volley.Models.Spiking;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Volley.Models.Spikformer;

/// <summary>Two linear layers, each followed by norm and neurons. Reference class MLP.</summary>
internal sealed class SpikingMlp : Module<Tensor, Tensor>
{
    private readonly Linear fc1_linear, fc2_linear;
    private readonly BatchNorm1d fc1_bn, fc2_bn;
    private readonly SpikingNeuron fc1_lif, fc2_lif;
    private readonly SpikingFlow _flow;

    public SpikingMlp(SpikingFlow flow, SpikingNeurons neurons, int embedDim, int hiddenDim) : base(nameof(SpikingMlp))
    {
        _flow = flow;
        (fc1_linear, fc1_bn, fc1_lif) = (Linear(embedDim, hiddenDim), BatchNorm1d(hiddenDim), neurons.Create());
        (fc2_linear, fc2_bn, fc2_lif) = (Linear(hiddenDim, embedDim), BatchNorm1d(embedDim), neurons.Create());
        RegisterComponents();
    }

    /// <param name="x_TBND">The stream. Borrowed.</param>
    /// <returns>The branch: spikes, [T, B, N, D]. Owned by the caller.</returns>
    public override Tensor forward(Tensor x_TBND)
    {
        using var scope = NewDisposeScope();
        var hidden = _flow.NormAndFire(fc1_bn, fc1_lif, fc1_linear.call(SpikingFlow.Fold(x_TBND)));
        return _flow.NormAndFire(fc2_bn, fc2_lif, fc2_linear.call(SpikingFlow.Fold(hidden))).MoveToOuterDisposeScope();
    }

    /// <summary>Neuron layers that forward calls, in order.</summary>
    public static IEnumerable<string> UsedNeurons => ["fc1_lif", "fc2_lif"];
}
