using TorchSharp.Modules;
using Volley.Models.Spiking;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Volley.Models.SpikeDrivenTransformer;

/// <summary>Two 1×1 convolutions, a neuron layer before each. Reference class MS_MLP_Conv.</summary>
internal sealed class SpikeDrivenMlp : Module<Tensor, Tensor>
{
    private readonly SpikingNeuron fc1_lif, fc2_lif;
    private readonly Conv2d fc1_conv, fc2_conv;
    private readonly BatchNorm2d fc1_bn, fc2_bn;
    private readonly SpikingFlow _flow;
    private readonly BranchDrop _drop;
    private readonly bool _isSquare;

    public SpikeDrivenMlp(SpikingFlow flow, SpikingNeurons neurons, int embedDim, int hiddenDim, double dropPath) : base(nameof(SpikeDrivenMlp))
    {
        (_flow, _drop) = (flow, new BranchDrop(dropPath));
        _isSquare = hiddenDim == embedDim;
        (fc1_lif, fc1_conv, fc1_bn) = (neurons.Create(), Conv2d(embedDim, hiddenDim, kernel_size: 1), BatchNorm2d(hiddenDim));
        (fc2_lif, fc2_conv, fc2_bn) = (neurons.Create(), Conv2d(hiddenDim, embedDim, kernel_size: 1), BatchNorm2d(embedDim));
        RegisterComponents();
    }

    /// <param name="x_TBDhw">The stream. Borrowed.</param>
    /// <returns>The stream with the branch added. Owned by the caller.</returns>
    public override Tensor forward(Tensor x_TBDhw)
    {
        using var scope = NewDisposeScope();
        var shortcut = x_TBDhw;
        var spikes = SpikingFlow.Fold(fc1_lif.call(x_TBDhw));
        Tensor hidden;
        if (_isSquare)
        {
            // The reference's rule for equal widths: the stream is added here too, and the sum is the second half's shortcut.
            shortcut = _flow.AddBranch(shortcut, fc1_bn, _flow.Convolve(fc1_conv, spikes), _drop, training);
            hidden = fc2_lif.call(shortcut);
        }
        else
        {
            hidden = _flow.NormAndFire(fc1_bn, fc2_lif, _flow.Convolve(fc1_conv, spikes));
        }
        return _flow.AddBranch(shortcut, fc2_bn, _flow.Convolve(fc2_conv, SpikingFlow.Fold(hidden)), _drop, training).MoveToOuterDisposeScope();
    }

    /// <summary>Neuron layers that forward calls, in order.</summary>
    public static IEnumerable<string> UsedNeurons => ["fc1_lif", "fc2_lif"];
}
