using TorchSharp;
using TorchSharp.Modules;
using Volley.Models.Spiking.Fused;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Volley.Models.Spiking.Sparse;

/// <summary>A convolution whose input is spikes, few of them: forward and weight gradient add weight rows where there are spikes and do nothing where there are none.</summary>
/// <remarks>The input's gradient is dense, and libtorch's. Sums are added in another order than libtorch's: results agree to rounding.</remarks>
internal static class SpikeConvolution
{
    /// <summary>Share of inputs that spike above which libtorch's dense convolution is faster: tests/Benchmarks/results/amd-epyc-2-cores/spike-convolution-2026-11-23.md.</summary>
    public const double HighestRate = 0.25;

    // Pixel and channel numbers are kept in 16 bits.
    private const int MostNumbers = ushort.MaxValue;

    /// <param name="convolution">With stride 1 and a padding that keeps the map's size.</param>
    /// <param name="x_MCHW">Spikes. Borrowed.</param>
    /// <returns>[M, Cout, H, W], channels last in memory; null where this is not the way to compute it. Owned by the caller.</returns>
    public static Tensor? TryApply(Conv2d convolution, Tensor x_MCHW)
    {
        if (!Takes(convolution, x_MCHW) || SpikeLists.Of(x_MCHW, HighestRate) is not { } spikes) return null;
        return Apply(convolution, x_MCHW, spikes);
    }

    internal static Tensor Apply(Conv2d convolution, Tensor x_MCHW, SpikeLists spikes)
    {
        using var scope = NewDisposeScope();
        var call = new SpikeConvolutionCall(spikes, x_MCHW.shape, (int)convolution.kernel_size[0]);
        var (weight, bias) = (convolution.weight, convolution.bias);
        Tensor output;
        if (!is_grad_enabled() || !(x_MCHW.requires_grad || weight.requires_grad)) output = call.Forward(weight, bias);
        else output = bias is null ? SpikeConvolutionFunction.apply(x_MCHW, weight, call) : SpikeConvolutionFunction.apply(x_MCHW, weight, call, bias);
        return output.MoveToOuterDisposeScope();
    }

    internal static bool Takes(Conv2d convolution, Tensor x_MCHW)
    {
        if (x_MCHW.device_type != DeviceType.CPU || x_MCHW.dtype != ScalarType.Float32 || x_MCHW.numel() == 0) return false;
        var (kernel, shape) = (convolution.kernel_size, x_MCHW.shape);
        var isSame = kernel[0] == kernel[1] && kernel[0] % 2 == 1 && convolution.padding is { } padding && padding.All(p => p == (kernel[0] - 1) / 2)
            && convolution.stride.All(s => s == 1) && convolution.dilation.All(d => d == 1) && convolution.groups == 1;
        var (channels, outputs, pixels) = (shape[1], convolution.weight.shape[0], shape[2] * shape[3]);
        return isSame && channels % 16 == 0 && outputs % 16 == 0 && channels <= MostNumbers && pixels <= MostNumbers && IsChannelsLast(x_MCHW);
    }

    internal static bool IsChannelsLast(Tensor x_MCHW)
    {
        var (shape, stride) = (x_MCHW.shape, x_MCHW.stride());
        long[] wanted = [shape[1] * shape[2] * shape[3], 1, shape[1] * shape[3], shape[1]];
        return Enumerable.Range(0, 4).All(d => shape[d] == 1 || stride[d] == wanted[d]);
    }
}

/// <summary>One call's spikes and sizes, and its way from tensors to raw memory.</summary>
internal sealed class SpikeConvolutionCall(SpikeLists spikes, long[] inputShape, int kernel)
{
    private int Height => (int)inputShape[2];

    private int Width => (int)inputShape[3];

    public unsafe Tensor Forward(Tensor weight, Tensor? bias)
    {
        using var scope = NewDisposeScope();
        var outputs = weight.shape[0];
        var rows = weight.detach().permute(2, 3, 1, 0).contiguous();
        var output = empty_strided([inputShape[0], outputs, Height, Width], [outputs * Height * Width, 1, outputs * Width, outputs], ScalarType.Float32);
        Loops(outputs).Forward(TensorMemory.Pointer<float>(rows), bias is null ? null : TensorMemory.Pointer<float>(bias), TensorMemory.Pointer<float>(output));
        GC.KeepAlive(rows);
        GC.KeepAlive(bias);
        return output.MoveToOuterDisposeScope();
    }

    /// <returns>Gradients of input (null where nobody wants it), weight and bias (null where there is none).</returns>
    public unsafe (Tensor? Input, Tensor Weight, Tensor? Bias) Backward(Tensor outputGradient, Tensor weight, bool wantsInput, bool hasBias)
    {
        using var scope = NewDisposeScope();
        var gradient = SpikeConvolution.IsChannelsLast(outputGradient) ? outputGradient : SpikingFlow.ChannelsLast(outputGradient);
        var outputs = weight.shape[0];
        var rows = empty([kernel, kernel, inputShape[1], outputs], ScalarType.Float32);
        Loops(outputs).WeightGradient(TensorMemory.Pointer<float>(gradient), TensorMemory.Pointer<float>(rows));
        GC.KeepAlive(gradient);
        var input = wantsInput ? functional.conv_transpose2d(gradient, weight.detach(), strides: [1, 1], padding: [(kernel - 1) / 2, (kernel - 1) / 2]) : null;
        var bias = hasBias ? gradient.sum([0, 2, 3]) : null;
        return (input?.MoveToOuterDisposeScope(), rows.permute(3, 2, 0, 1).MoveToOuterDisposeScope(), bias?.MoveToOuterDisposeScope());
    }

    private SpikeLoops Loops(long outputs) => new(spikes, Height, Width, kernel, (int)outputs);
}

internal sealed class SpikeConvolutionFunction : autograd.SingleTensorFunction<SpikeConvolutionFunction>
{
    public override string Name => nameof(SpikeConvolutionFunction);

    /// <param name="ctx">Saves the weight; the spikes are kept as lists.</param>
    /// <param name="vars">Input, weight, <see cref="SpikeConvolutionCall"/> and, where there is one, bias.</param>
    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var (x, weight, call) = ((Tensor)vars[0], (Tensor)vars[1], (SpikeConvolutionCall)vars[2]);
        ctx.save_for_backward([weight]);
        ctx.save_data("call", call);
        ctx.save_data("wantsInput", x.requires_grad);
        ctx.save_data("hasBias", vars.Length > 3);
        return call.Forward(weight, vars.Length > 3 ? (Tensor)vars[3] : null);
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        var (wantsInput, hasBias) = ((bool)ctx.get_data("wantsInput"), (bool)ctx.get_data("hasBias"));
        return BackwardFailure.Guard(
            grad_output,
            () =>
            {
                var (input, weight, bias) = ((SpikeConvolutionCall)ctx.get_data("call")).Backward(grad_output, ctx.get_saved_variables()[0], wantsInput, hasBias);
                return hasBias ? [input, weight, null, bias] : [input, weight, null];
            },
            () =>
            {
                var weight = ctx.get_saved_variables()[0];
                var (input, none) = (wantsInput ? zeros([grad_output.shape[0], weight.shape[1], .. grad_output.shape[2..]]) : null, zeros_like(weight));
                return hasBias ? [input, none, null, zeros(weight.shape[0])] : [input, none, null];
            });
    }
}
