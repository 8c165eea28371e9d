using TorchSharp.Modules;
using Volley.Models.Spiking;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Volley.Models.Spikformer;

/// <summary>Stream plus attention, then stream plus MLP; no norm before either. Reference class Block.</summary>
internal sealed class SpikformerBlock : Module<Tensor, Tensor>
{
    private readonly LayerNorm norm1, norm2;    // never called, see README
    private readonly SpikingSelfAttention attn;
    private readonly SpikingMlp mlp;
    private readonly BranchDrop _drop;

    public SpikformerBlock(SpikingFlow flow, SpikingNeurons neurons, int embedDim, int heads, int hiddenDim, double dropPath) : base(nameof(SpikformerBlock))
    {
        _drop = new BranchDrop(dropPath);
        norm1 = LayerNorm(embedDim);
        attn = new SpikingSelfAttention(flow, neurons, embedDim, heads);
        norm2 = LayerNorm(embedDim);
        mlp = new SpikingMlp(flow, neurons, embedDim, hiddenDim);
        RegisterComponents();
    }

    /// <param name="x_TBND">The stream. Borrowed.</param>
    /// <returns>Owned by the caller.</returns>
    public override Tensor forward(Tensor x_TBND)
    {
        using var scope = NewDisposeScope();
        var stream = x_TBND.add(_drop.Apply(attn.call(x_TBND), training));
        return stream.add(_drop.Apply(mlp.call(stream), training)).MoveToOuterDisposeScope();
    }
}
