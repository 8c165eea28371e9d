using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Volley.Models.Layers;

/// <summary>Stochastic depth: in training, a residual branch of a sample is dropped with probability p, else scaled by 1/(1-p).</summary>
/// <remarks>Huang et al. 2016; per sample as timm's DropPath. Draws from torch's global generator, which training re-seeds per step and shard.</remarks>
public sealed class DropPath : Module<Tensor, Tensor>
{
    private readonly double _keep;

    /// <param name="probability">p in [0, 1).</param>
    public DropPath(double probability) : base(nameof(DropPath))
    {
        if (probability is < 0 or >= 1) throw new ArgumentOutOfRangeException(nameof(probability), probability, "must be in [0, 1)");
        _keep = 1 - probability;
        RegisterComponents();
    }

    /// <param name="x_BX">A branch, batch first. Borrowed.</param>
    /// <returns>Owned by the caller. An alias of the input where nothing is dropped.</returns>
    public override Tensor forward(Tensor x_BX)
    {
        if (!training || _keep == 1) return x_BX.alias();
        using var scope = NewDisposeScope();
        var shape = Enumerable.Repeat(1L, (int)x_BX.dim()).ToArray();
        shape[0] = x_BX.shape[0];
        var mask = empty(shape, dtype: x_BX.dtype, device: x_BX.device).bernoulli_(_keep).div_(_keep);
        return x_BX.mul(mask).MoveToOuterDisposeScope();
    }

    /// <summary>Rates that rise linearly from 0 at the first block to <paramref name="last"/> at the last.</summary>
    public static double[] LinearRates(double last, int depth) =>
        [.. Enumerable.Range(0, depth).Select(i => depth == 1 ? 0.0 : last * i / (depth - 1))];
}
