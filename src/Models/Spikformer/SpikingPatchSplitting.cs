using TorchSharp.Modules;
using Volley.Models.Spiking;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Volley.Models.Spikformer;

// T time steps, B images, M = T·B folded, N = h·w tokens, D width.

/// <summary>SPS: four convolutions, the last two followed by pooling of spikes, then a convolution as relative position embedding. Reference class SPS (cifar10).</summary>
internal sealed class SpikingPatchSplitting : Module<Tensor, Tensor>
{
    // Fields carry the reference's names: RegisterComponents takes them from here.
    private readonly Conv2d proj_conv, proj_conv1, proj_conv2, proj_conv3, rpe_conv;
    private readonly BatchNorm2d proj_bn, proj_bn1, proj_bn2, proj_bn3, rpe_bn;
    private readonly SpikingNeuron proj_lif, proj_lif1, proj_lif2, proj_lif3, rpe_lif;
    private readonly SpikingFlow _flow;
    private readonly InputEncoder _encoder;

    public SpikingPatchSplitting(SpikingFlow flow, SpikingNeurons neurons, InputEncoder encoder, int channels, int embedDim) : base(nameof(SpikingPatchSplitting))
    {
        (_flow, _encoder) = (flow, encoder);
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
    /// <returns>The integer-valued stream, [T, B, N, D]. Owned by the caller.</returns>
    public override Tensor forward(Tensor x_BCHW)
    {
        using var scope = NewDisposeScope();
        var x = SpikingFlow.ChannelsLast(_encoder.Encode(x_BCHW, training));
        x = Stage(proj_conv, proj_bn, proj_lif, x, _encoder.IsRepeated);
        x = Stage(proj_conv1, proj_bn1, proj_lif1, x);
        x = Pooling.Halve(Stage(proj_conv2, proj_bn2, proj_lif2, x));
        x = Pooling.Halve(Stage(proj_conv3, proj_bn3, proj_lif3, x));
        var stream_MDhw = x.add(Stage(rpe_conv, rpe_bn, rpe_lif, x));
        return _flow.Unfold(stream_MDhw.flatten(2).transpose(1, 2)).MoveToOuterDisposeScope();
    }

    private Tensor Stage(Conv2d convolution, BatchNorm2d norm, SpikingNeuron neurons, Tensor x_MCHW, bool isRepeated = false) =>
        SpikingFlow.Fold(_flow.NormAndFire(norm, neurons, _flow.Convolve(convolution, x_MCHW), isRepeated));

    private static Conv2d Convolution(int from, int to) => Conv2d(from, to, kernel_size: 3, stride: 1, padding: 1, bias: false);
}
