using TorchSharp.Modules;
using Volley.Models.Spiking;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Volley.Models.Spikformer;

// T time steps, B images, M = T·B folded, N tokens, D width, H heads, E = D / H.

/// <summary>SSA: products of spikes without softmax. Zhou et al. 2023, §3.2; reference class SSA.</summary>
internal sealed class SpikingSelfAttention : Module<Tensor, Tensor>
{
    // The reference's constant, whatever the head width.
    private const double Scale = 0.125;

    private readonly Linear q_linear, k_linear, v_linear, proj_linear;
    private readonly BatchNorm1d q_bn, k_bn, v_bn, proj_bn;
    private readonly SpikingNeuron q_lif, k_lif, v_lif, attn_lif, proj_lif;
    private readonly SpikingFlow _flow;
    private readonly int _heads;

    public SpikingSelfAttention(SpikingFlow flow, SpikingNeurons neurons, int embedDim, int heads) : base(nameof(SpikingSelfAttention))
    {
        (_flow, _heads) = (flow, heads);
        (q_linear, q_bn, q_lif) = (Linear(embedDim, embedDim), BatchNorm1d(embedDim), neurons.Create());
        (k_linear, k_bn, k_lif) = (Linear(embedDim, embedDim), BatchNorm1d(embedDim), neurons.Create());
        (v_linear, v_bn, v_lif) = (Linear(embedDim, embedDim), BatchNorm1d(embedDim), neurons.Create());
        attn_lif = neurons.CreateForAttention();
        (proj_linear, proj_bn, proj_lif) = (Linear(embedDim, embedDim), BatchNorm1d(embedDim), neurons.Create());
        RegisterComponents();
    }

    /// <param name="x_TBND">The stream. Borrowed.</param>
    /// <returns>The branch: spikes, [T, B, N, D]. Owned by the caller.</returns>
    public override Tensor forward(Tensor x_TBND)
    {
        using var scope = NewDisposeScope();
        var x_MND = SpikingFlow.Fold(x_TBND);
        var q = Heads(_flow.NormAndFire(q_bn, q_lif, q_linear.call(x_MND)));
        var k = Heads(_flow.NormAndFire(k_bn, k_lif, k_linear.call(x_MND)));
        var v = Heads(_flow.NormAndFire(v_bn, v_lif, v_linear.call(x_MND)));
        var mixed_MHNE = q.matmul(k.transpose(-2, -1)).mul(Scale).matmul(v);
        var spikes = attn_lif.call(_flow.Unfold(mixed_MHNE.transpose(1, 2).flatten(2)));
        return _flow.NormAndFire(proj_bn, proj_lif, proj_linear.call(SpikingFlow.Fold(spikes))).MoveToOuterDisposeScope();
    }

    // [T, B, N, D] → [M, H, N, E]
    private Tensor Heads(Tensor spikes_TBND) => SpikingFlow.Fold(spikes_TBND).unflatten(2, [_heads, -1]).transpose(1, 2);

    /// <summary>Neuron layers that forward calls, in order.</summary>
    public static IEnumerable<string> UsedNeurons => ["q_lif", "k_lif", "v_lif", "attn_lif", "proj_lif"];
}
