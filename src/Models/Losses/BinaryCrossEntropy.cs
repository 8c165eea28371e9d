using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Volley.Models.Losses;

/// <summary>Sigmoid cross-entropy for several labels per image: the mean over classes, summed over images.</summary>
public static class BinaryCrossEntropy
{
    /// <param name="logits_BK">Borrowed.</param>
    /// <param name="targets_BK">1 where the image has the label, else 0; values between are allowed. Borrowed.</param>
    /// <returns>A scalar. Owned by the caller.</returns>
    public static Tensor Sum(Tensor logits_BK, Tensor targets_BK)
    {
        using var scope = NewDisposeScope();
        return functional.binary_cross_entropy_with_logits(logits_BK, targets_BK, reduction: Reduction.Sum).div(logits_BK.shape[1]).MoveToOuterDisposeScope();
    }
}
