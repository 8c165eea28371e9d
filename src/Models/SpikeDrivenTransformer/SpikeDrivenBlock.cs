using Volley.Models.Spiking;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Volley.Models.SpikeDrivenTransformer;

/// <summary>Attention, then MLP, on a real-valued stream that neurons read but never write (membrane shortcut). Reference class MS_Block_Conv.</summary>
internal sealed class SpikeDrivenBlock : Module<Tensor, Tensor>
{
    private readonly SpikeDrivenSelfAttention attn;
    private readonly SpikeDrivenMlp mlp;

    public SpikeDrivenBlock(SpikingFlow flow, SpikingNeurons neurons, int embedDim, int heads, int hiddenDim, double dropPath) : base(nameof(SpikeDrivenBlock))
    {
        attn = new SpikeDrivenSelfAttention(flow, neurons, embedDim, heads, dropPath);
        mlp = new SpikeDrivenMlp(flow, neurons, embedDim, hiddenDim, dropPath);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x_TBDhw)
    {
        using var stream = attn.call(x_TBDhw);
        return mlp.call(stream);
    }
}
