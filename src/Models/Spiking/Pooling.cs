using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Volley.Models.Spiking;

internal static class Pooling
{
    /// <summary>3×3 maximum with stride 2 and padding 1; of equal values the first in row-major window order gets the gradient.</summary>
    public static Tensor Halve(Tensor x_MCHW) => functional.max_pool2d(x_MCHW, kernel_size: 3, stride: 2, padding: 1);
}
