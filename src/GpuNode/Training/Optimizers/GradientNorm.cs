using static TorchSharp.torch;

namespace Volley.GpuNode.Training.Optimizers;

/// <summary>The global L2 norm of all gradients, and clipping by it. Padding is zero and does not count.</summary>
internal static class GradientNorm
{
    // Keeps the factor finite for tiny norms; PyTorch's clip_grad_norm_ has the same.
    private const double Tiny = 1e-6;

    /// <returns>A scalar on the gradients' device, f64; the caller's. Accumulated in double: finite exactly when every gradient is.</returns>
    public static Tensor Of(FlatParameters parameters)
    {
        if (parameters.Gradients.device_type != TorchSharp.DeviceType.CPU) return SquareSumOnDevice(parameters.Gradients);
        var sum = parameters.Gradients.dtype == ScalarType.Float64
            ? UpdateKernels.SumOfSquares(TensorMemory.Of<double>(parameters.Gradients))
            : UpdateKernels.SumOfSquares(TensorMemory.Of<float>(parameters.Gradients));
        return tensor(Math.Sqrt(sum), dtype: ScalarType.Float64);
    }

    /// <summary>Scales the gradients so that their norm is at most <paramref name="largest"/>.</summary>
    /// <returns>The factor the optimizer has to apply; 1 where it was applied here, on the device, without a reading.</returns>
    public static double Clip(FlatParameters parameters, Tensor norm, double largest)
    {
        if (largest <= 0) return 1.0;
        if (parameters.Gradients.device_type == TorchSharp.DeviceType.CPU) return Math.Min(1.0, largest / (norm.item<double>() + Tiny));
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        parameters.Gradients.mul_((largest / (norm + Tiny)).clamp_max(1.0).to(parameters.Gradients.dtype));
        return 1.0;
    }

    private static Tensor SquareSumOnDevice(Tensor gradients)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        return gradients.to(ScalarType.Float64).square().sum().sqrt().MoveToOuterDisposeScope();
    }
}
