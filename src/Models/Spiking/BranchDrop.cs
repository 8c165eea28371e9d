using static TorchSharp.torch;

namespace Volley.Models.Spiking;

/// <summary>Stochastic depth over time: a residual branch of an image is dropped at all its time steps, or scaled by 1/(1−p). Huang et al. 2016.</summary>
/// <remarks>Both references construct it and never apply it; here it is off unless <c>drop_path</c> is above 0.</remarks>
internal sealed class BranchDrop(double probability)
{
    /// <summary>Whether <see cref="Apply"/> changes anything.</summary>
    public bool IsActive(bool isTraining) => isTraining && probability > 0;

    /// <param name="x_TBX">A branch. Borrowed.</param>
    /// <returns>Owned by the caller; an alias where nothing is dropped.</returns>
    public Tensor Apply(Tensor x_TBX, bool isTraining)
    {
        if (!IsActive(isTraining)) return x_TBX.alias();
        using var scope = NewDisposeScope();
        var shape = Enumerable.Repeat(1L, (int)x_TBX.dim()).ToArray();
        shape[1] = x_TBX.shape[1];
        var keep = 1 - probability;
        var mask = empty(shape, dtype: x_TBX.dtype, device: x_TBX.device).bernoulli_(keep).div_(keep);
        return x_TBX.mul(mask).MoveToOuterDisposeScope();
    }
}
