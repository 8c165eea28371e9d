using TorchSharp.Modules;
using Volley.Models.Spiking;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Volley.Models.SpikeDrivenTransformer;

// T time steps, B images, M = T·B folded.

/// <summary>SPS with membrane shortcut: four convolutions, then a convolution as relative position embedding. Yao et al. 2023, §3.2; reference class MS_SPS.</summary>
internal sealed class SpikePatchSplitting : Module<Tensor, Tensor>
{
    // Fields carry the reference's names: RegisterComponents takes them from here.
    private readonly Conv2d proj_conv, proj_conv1, proj_conv2, proj_conv3, rpe_conv;
    private readonly BatchNorm2d proj_bn, proj_bn1, proj_bn2, proj_bn3, rpe_bn;
    private readonly SpikingNeuron proj_lif, proj_lif1, proj_lif2, proj_lif3;
    private readonly SpikingNeuron rpe_lif;     // never called, see README
    private readonly SpikingFlow _flow;
    private readonly InputEncoder _encoder;
    private readonly bool[] _pools;

    /// <param name="poolingStat">Four digits, one per stage: 1 halves the map.</param>
    public SpikePatchSplitting(SpikingFlow flow, SpikingNeurons neurons, InputEncoder encoder, int channels, int embedDim, string poolingStat)
        : base(nameof(SpikePatchSplitting))
    {
        (_flow, _encoder) = (flow, encoder);
        _pools = [.. poolingStat.Select(digit => digit == '1')];
        proj_conv = Convolution(channels, embedDim / 8);
        proj_bn = BatchNorm2d(embedDim / 8);
        proj_lif = neurons.Create();
        proj_conv1 = Convolution(embedDim / 8, embedDim / 4);
        proj_bn1 = BatchNorm2d(embedDim / 4);
        proj_lif1 = neurons.Create();
        proj_conv2 = Convolution(embedDim / 4, embedDim / 2);
        proj_bn2 = BatchNorm2d(embedDim / 2);
        proj_lif2 = neurons.Create();
        proj_conv3 = Convolution(embedDim / 2, embedDim);
        proj_bn3 = BatchNorm2d(embedDim);
        proj_lif3 = neurons.Create();
        rpe_conv = Convolution(embedDim, embedDim);
        rpe_bn = BatchNorm2d(embedDim);
        rpe_lif = neurons.Create();
        RegisterComponents();
    }

    /// <param name="x_BCHW">Images. Borrowed.</param>
    /// <returns>The real-valued stream, [T, B, D, h, w], channels last in memory. Owned by the caller.</returns>
    public override Tensor forward(Tensor x_BCHW)
    {
        using var scope = NewDisposeScope();
        var x = SpikingFlow.ChannelsLast(_encoder.Encode(x_BCHW, training));
        x = Stage(0, proj_conv, proj_bn, proj_lif, x, _encoder.IsRepeated);
        x = Stage(1, proj_conv1, proj_bn1, proj_lif1, x);
        x = Stage(2, proj_conv2, proj_bn2, proj_lif2, x);

        // The last stage pools the real-valued map, and keeps it as shortcut.
        x = _flow.Norm(proj_bn3, _flow.Convolve(proj_conv3, x));
        var shortcut = _pools[3] ? Pooling.Halve(x) : x;
        var spikes = SpikingFlow.Fold(_flow.Fire(proj_lif3, shortcut));
        return _flow.Unfold(_flow.Norm(rpe_bn, _flow.Convolve(rpe_conv, spikes), shortcut)).MoveToOuterDisposeScope();
    }

    private Tensor Stage(int stage, Conv2d convolution, BatchNorm2d norm, SpikingNeuron neurons, Tensor x_MCHW, bool isRepeated = false)
    {
        var spikes = SpikingFlow.Fold(_flow.NormAndFire(norm, neurons, _flow.Convolve(convolution, x_MCHW), isRepeated));
        return _pools[stage] ? Pooling.Halve(spikes) : spikes;
    }

    private static Conv2d Convolution(int from, int to) => Conv2d(from, to, kernel_size: 3, stride: 1, padding: 1, bias: false);
}
