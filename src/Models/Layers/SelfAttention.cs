using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Volley.Models.Layers;

// B batch, N tokens, D width, H heads, E = D / H width of a head.

/// <summary>Multi-head softmax attention, scale E^-½ (Vaswani et al. 2017), through libtorch's fused kernel. As timm's Attention.</summary>
public sealed class SelfAttention : Module<Tensor, Tensor>
{
    private readonly Linear qkv;
    private readonly Linear proj;
    private readonly Dropout proj_drop;
    private readonly int _heads;

    public SelfAttention(int embedDim, int heads, double dropout) : base(nameof(SelfAttention))
    {
        _heads = heads;
        qkv = Linear(embedDim, 3 * embedDim);
        proj = Linear(embedDim, embedDim);
        proj_drop = Dropout(dropout);
        RegisterComponents();
    }

    /// <param name="x_BND">Borrowed.</param>
    /// <returns>[B, N, D]. Owned by the caller.</returns>
    public override Tensor forward(Tensor x_BND)
    {
        using var scope = NewDisposeScope();
        var (batch, tokens, width) = (x_BND.shape[0], x_BND.shape[1], x_BND.shape[2]);
        var qkv_3BHNE = qkv.call(x_BND).reshape(batch, tokens, 3, _heads, width / _heads).permute(2, 0, 3, 1, 4);
        var parts = qkv_3BHNE.unbind(0);
        var mixed_BHNE = functional.scaled_dot_product_attention(parts[0], parts[1], parts[2]);
        var merged_BND = mixed_BHNE.transpose(1, 2).reshape(batch, tokens, width);
        return proj_drop.call(proj.call(merged_BND)).MoveToOuterDisposeScope();
    }
}
