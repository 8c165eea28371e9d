using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Volley.Models.Layers;

/// <summary>Cuts an image into square patches and projects each: one convolution whose stride is its kernel. As timm's PatchEmbed.</summary>
public sealed class PatchEmbedding : Module<Tensor, Tensor>
{
    // Fields carry the names of the reference's state_dict: RegisterComponents takes them from here.
    private readonly Conv2d proj;

    public PatchEmbedding(int channels, int embedDim, int patch) : base(nameof(PatchEmbedding))
    {
        proj = Conv2d(channels, embedDim, kernel_size: patch, stride: patch);
        RegisterComponents();
    }

    /// <param name="x_BCHW">Images whose sides are multiples of the patch. Borrowed.</param>
    /// <returns>[B, N, D], N patches row by row. Owned by the caller.</returns>
    public override Tensor forward(Tensor x_BCHW)
    {
        using var map_BDhw = proj.call(x_BCHW);
        using var flat_BDN = map_BDhw.flatten(2);
        return flat_BDN.transpose(1, 2);
    }
}
