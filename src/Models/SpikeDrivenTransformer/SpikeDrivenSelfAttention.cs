using TorchSharp.Modules;
using Volley.Models.Spiking;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Volley.Models.SpikeDrivenTransformer;

// T time steps, B images, M = T·B folded, D width, N = h·w tokens, H heads, E = D / H.

/// <summary>SDSA: masks and additions only. Per channel, a neuron decides from the number of tokens where key and value both spike whether the query passes.</summary>
/// <remarks>Yao et al. 2023, §3.3; reference class MS_SSA_Conv. Heads make no numerical difference: mask and query are per channel.</remarks>
internal sealed class SpikeDrivenSelfAttention : Module<Tensor, Tensor>
{
    private readonly SpikingNeuron shortcut_lif, q_lif, k_lif, v_lif, talking_heads_lif;
    private readonly Conv2d q_conv, k_conv, v_conv, proj_conv;
    private readonly BatchNorm2d q_bn, k_bn, v_bn, proj_bn;
    private readonly SpikingNeuron attn_lif;    // never called, as talking_heads: see README
    private readonly Conv1d talking_heads;
    private readonly SpikingFlow _flow;
    private readonly BranchDrop _drop;
    private readonly int _heads;

    public SpikeDrivenSelfAttention(SpikingFlow flow, SpikingNeurons neurons, int embedDim, int heads, double dropPath) : base(nameof(SpikeDrivenSelfAttention))
    {
        (_flow, _heads, _drop) = (flow, heads, new BranchDrop(dropPath));
        shortcut_lif = neurons.Create();
        (q_conv, q_bn, q_lif) = (Pointwise(bias: false), BatchNorm2d(embedDim), neurons.Create());
        (k_conv, k_bn, k_lif) = (Pointwise(bias: false), BatchNorm2d(embedDim), neurons.Create());
        (v_conv, v_bn, v_lif) = (Pointwise(bias: false), BatchNorm2d(embedDim), neurons.Create());
        attn_lif = neurons.CreateForAttention();
        talking_heads = Conv1d(heads, heads, kernel_size: 1, stride: 1, bias: false);
        talking_heads_lif = neurons.CreateForAttention();
        (proj_conv, proj_bn) = (Pointwise(bias: true), BatchNorm2d(embedDim));
        RegisterComponents();

        Conv2d Pointwise(bool bias) => Conv2d(embedDim, embedDim, kernel_size: 1, stride: 1, bias: bias);
    }

    /// <param name="x_TBDhw">The stream. Borrowed.</param>
    /// <returns>The stream with the branch added. Owned by the caller.</returns>
    public override Tensor forward(Tensor x_TBDhw)
    {
        using var scope = NewDisposeScope();
        var spikes_MDhw = SpikingFlow.Fold(shortcut_lif.call(x_TBDhw));
        var q = _flow.NormAndFire(q_bn, q_lif, _flow.Convolve(q_conv, spikes_MDhw));
        var k = _flow.NormAndFire(k_bn, k_lif, _flow.Convolve(k_conv, spikes_MDhw));
        var v = _flow.NormAndFire(v_bn, v_lif, _flow.Convolve(v_conv, spikes_MDhw));

        var both_TBD = k.mul(v).sum([3, 4]);
        var mask = talking_heads_lif.call(both_TBD.unflatten(2, [_heads, 1, -1])).flatten(2).unsqueeze(-1).unsqueeze(-1);
        return _flow.AddBranch(x_TBDhw, proj_bn, _flow.Convolve(proj_conv, SpikingFlow.Fold(q.mul(mask))), _drop, training).MoveToOuterDisposeScope();
    }

    /// <summary>Neuron layers that forward calls, in order.</summary>
    public static IEnumerable<string> UsedNeurons => ["shortcut_lif", "q_lif", "k_lif", "v_lif", "talking_heads_lif"];
}
