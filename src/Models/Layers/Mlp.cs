using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Volley.Models.Layers;

/// <summary>Linear, exact (erf) GELU, linear. As timm's Mlp; dropout after each half.</summary>
public sealed class Mlp : Module<Tensor, Tensor>
{
    private readonly Linear fc1;
    private readonly Linear fc2;
    private readonly Dropout drop;

    public Mlp(int embedDim, int hiddenDim, double dropout) : base(nameof(Mlp))
    {
        fc1 = Linear(embedDim, hiddenDim);
        fc2 = Linear(hiddenDim, embedDim);
        drop = Dropout(dropout);
        RegisterComponents();
    }

    /// <param name="x_BND">Borrowed.</param>
    /// <returns>[B, N, D]. Owned by the caller.</returns>
    public override Tensor forward(Tensor x_BND)
    {
        using var scope = NewDisposeScope();
        var hidden = drop.call(functional.gelu(fc1.call(x_BND)));
        return drop.call(fc2.call(hidden)).MoveToOuterDisposeScope();
    }
}
