using static TorchSharp.torch;

namespace Volley.Models.Losses;

/// <summary>TET: every time step is trained to classify by itself. Deng et al., ICLR 2022.</summary>
/// <remarks>(1 − λ) · mean over time of the cross-entropy + λ · mean squared distance of all logits to <c>means</c>; the mean is over time steps and classes, the sum over images.</remarks>
public static class TemporalEfficient
{
    /// <param name="logits_TBK">Logits of each time step, before the mean over time. Borrowed.</param>
    /// <param name="crossEntropySum">From [T·B, K] logits, time major, to their summed cross-entropy; the targets are T copies of the batch's.</param>
    /// <param name="means">What the regularising term draws the logits to.</param>
    /// <param name="lambda">λ in [0, 1].</param>
    /// <returns>A scalar. Owned by the caller.</returns>
    public static Tensor Sum(Tensor logits_TBK, Func<Tensor, Tensor> crossEntropySum, double means, double lambda)
    {
        using var scope = NewDisposeScope();
        var (timeSteps, classes) = (logits_TBK.shape[0], logits_TBK.shape[2]);
        var classification = crossEntropySum(logits_TBK.flatten(0, 1)).mul((1 - lambda) / timeSteps);
        var distance = logits_TBK.sub(means).square().sum().mul(lambda / (timeSteps * classes));
        return classification.add(distance).MoveToOuterDisposeScope();
    }
}
