using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Volley.Models.Losses;

/// <summary>Cross-entropy of one label per image, hard or soft.</summary>
/// <remarks>Losses here are sums over images, to be divided by the global count of the step: shards of any size then add up to the same mean.</remarks>
public static class CrossEntropy
{
    /// <param name="logits_BK">Borrowed.</param>
    /// <param name="labels_B">Class indices. Borrowed.</param>
    /// <param name="smoothing">ε: the label gets 1 − ε, and ε is spread evenly over all K classes. In [0, 1).</param>
    /// <returns>A scalar. Owned by the caller.</returns>
    public static Tensor Sum(Tensor logits_BK, Tensor labels_B, double smoothing = 0) =>
        functional.cross_entropy(logits_BK, labels_B, reduction: Reduction.Sum, label_smoothing: smoothing);

    /// <param name="logits_BK">Borrowed.</param>
    /// <param name="targets_BK">Distributions over classes (mixup, cutmix; smoothing already in them). Borrowed.</param>
    /// <returns>−Σ target · log softmax(logits), a scalar. Owned by the caller.</returns>
    public static Tensor SumSoft(Tensor logits_BK, Tensor targets_BK)
    {
        using var scope = NewDisposeScope();
        return functional.log_softmax(logits_BK, -1).mul(targets_BK).sum().neg().MoveToOuterDisposeScope();
    }
}
