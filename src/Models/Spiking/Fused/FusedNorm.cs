using System.Numerics;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Volley.Models.Spiking.Fused;

// T time steps, M = T·B folded, C channels, R rows of a matrix [R, C].

/// <summary>Batch norm, alone or with the neurons that follow, as one operation of autograd over channels-last memory.</summary>
/// <remarks>Sums are kept in double whatever the element type; libtorch's own norm keeps them in fp32 for channels-last input.</remarks>
internal static class FusedNorm
{
    /// <returns>Whether the kernels take this input; others go through torch's own operations.</returns>
    public static bool Takes(Tensor x_MX) =>
        x_MX.device_type == DeviceType.CPU && x_MX.dtype is ScalarType.Float32 or ScalarType.Float64 && x_MX.dim() is 3 or 4 && x_MX.numel() > 0;

    /// <param name="x_MX">[M, C, H, W] or [M, N, C]. Borrowed.</param>
    /// <param name="residual_MX">Added to the result, or null. Borrowed.</param>
    /// <returns>Shape of the input, channels last in memory. Owned by the caller.</returns>
    public static Tensor Norm(NormBase norm, Tensor x_MX, Tensor? residual_MX, int repeats = 1)
    {
        using var scope = NewDisposeScope();
        var call = new NormCall(norm, null, 1, repeats);
        var x = ChannelsToEnd(x_MX);
        object[] tensors = residual_MX is null ? [x, norm.weight!, norm.bias!] : [x, norm.weight!, norm.bias!, ChannelsToEnd(residual_MX)];
        var y = call.Apply(tensors);
        return (x_MX.dim() == 4 ? y.permute(0, 3, 1, 2) : y).MoveToOuterDisposeScope();
    }

    /// <param name="x_MX">[T·B, …], or [B, …] where <paramref name="isRepeated"/>. Borrowed.</param>
    /// <returns>Spikes, [T, B, …], channels last in memory. Owned by the caller.</returns>
    public static Tensor NormAndFire(NormBase norm, SpikingNeuron neurons, Tensor x_MX, int timeSteps, bool isRepeated)
    {
        using var scope = NewDisposeScope();
        var decay = neurons.Decay(x_MX);
        var call = new NormCall(norm, new NeuronCall(neurons.Settings, decay?.ToDouble(), isRepeated, timeSteps), timeSteps, isRepeated ? timeSteps : 1);
        var x = ChannelsToEnd(x_MX);
        object[] tensors = decay is { requires_grad: true } ? [x, norm.weight!, norm.bias!, decay] : [x, norm.weight!, norm.bias!];
        var spikes = call.Apply(tensors);
        return (x_MX.dim() == 4 ? spikes.permute(0, 1, 4, 2, 3) : spikes).MoveToOuterDisposeScope();
    }

    // A view where the memory has channels last already.
    private static Tensor ChannelsToEnd(Tensor x_MX) => (x_MX.dim() == 4 ? x_MX.permute(0, 2, 3, 1) : x_MX).contiguous();
}

/// <summary>One call: its constants, what its forward leaves for its backward, and its way from tensors to raw memory.</summary>
/// <param name="Norm">Its running statistics are updated by a forward in training mode.</param>
/// <param name="Neurons">Null: the norm alone.</param>
/// <param name="Repeats">How many equal copies of the input the statistics stand for.</param>
internal sealed record NormCall(NormBase Norm, NeuronCall? Neurons, int TimeSteps, int Repeats)
{
    private NormTable? _table;
    private INormSums? _sums;

    /// <param name="tensors">Input with channels last and contiguous, weight, bias and, with neurons, k where it is learned; without, the residual where there is one.</param>
    public Tensor Apply(object[] tensors)
    {
        if (is_grad_enabled() && tensors.Any(t => ((Tensor)t).requires_grad)) return FusedNormFunction.apply([.. tensors, this]);
        return Forward((Tensor)tensors[0], Neurons is null && tensors.Length > 3 ? (Tensor)tensors[3] : null);
    }

    public Tensor Forward(Tensor x, Tensor? residual) => x.dtype == ScalarType.Float32 ? Forward<float>(x, residual) : Forward<double>(x, residual);

    /// <returns>∂L/∂ of input, weight and bias, then ∂L/∂k (0 where not learned).</returns>
    public (Tensor Input, Tensor Weight, Tensor Bias, double Decay) Backward(Tensor x, Tensor gradient, bool wantsDecayGradient)
    {
        var upstream = gradient.contiguous();
        return x.dtype == ScalarType.Float32 ? Backward<float>(x, upstream, wantsDecayGradient) : Backward<double>(x, upstream, wantsDecayGradient);
    }

    private unsafe Tensor Forward<T>(Tensor x, Tensor? residual) where T : unmanaged, INumber<T>
    {
        var (channels, rows) = Shape(x);
        _table = Table<T>(x, rows, channels);
        var input = TensorMemory.Pointer<T>(x);
        Tensor result;
        if (Neurons is null)
        {
            result = empty(x.shape, x.dtype);
            NormLoops<T>.Forward(_table, input, residual is null ? null : TensorMemory.Pointer<T>(residual), TensorMemory.Pointer<T>(result), rows);
            GC.KeepAlive(residual);
        }
        else
        {
            var isRepeated = Neurons.IsRepeated;
            result = empty([TimeSteps, isRepeated ? x.shape[0] : x.shape[0] / TimeSteps, .. x.shape[1..]], x.dtype);
            var n = isRepeated ? x.numel() : x.numel() / TimeSteps;
            NeuronLoops<T>.Forward(_table, new NeuronLanes<T>(Neurons.Settings, Neurons.Decay), input, isRepeated ? 0 : n, TensorMemory.Pointer<T>(result), n, TimeSteps);
        }
        GC.KeepAlive(x);
        return result;
    }

    private unsafe (Tensor, Tensor, Tensor, double) Backward<T>(Tensor x, Tensor upstream, bool wantsDecayGradient) where T : unmanaged, INumber<T>
    {
        var table = _table ?? throw new InvalidOperationException("backward before forward");
        var (channels, rows) = Shape(x);
        var input = TensorMemory.Pointer<T>(x);
        var gradient = TensorMemory.Pointer<T>(upstream);
        var result = empty(x.shape, x.dtype);
        var output = TensorMemory.Pointer<T>(result);
        double[] sum, moment;
        var decay = 0.0;
        if (Neurons is null)
        {
            (sum, moment) = NormLoops<T>.GradientSums(table, input, gradient, rows);
            var (allSum, allMoment) = OverAll(sum, moment);
            NormLoops<T>.InputGradient(table, allSum, allMoment, input, gradient, output, rows);
        }
        else
        {
            var n = Neurons.IsRepeated ? x.numel() : x.numel() / TimeSteps;
            (sum, moment, decay) = NeuronLoops<T>.Backward(table, new NeuronLanes<T>(Neurons.Settings, Neurons.Decay), input, Neurons.IsRepeated ? 0 : n,
                gradient, output, n, TimeSteps, wantsDecayGradient);
            var (allSum, allMoment) = OverAll(sum, moment);
            NormLoops<T>.InputGradient(table, allSum, allMoment, input, output, output, rows);
        }
        GC.KeepAlive(x);
        GC.KeepAlive(upstream);
        for (var c = 0; c < channels; c++) moment[c] *= table.InverseStd[c];
        return (result, tensor(moment, dtype: x.dtype), tensor(sum, dtype: x.dtype), decay);
    }

    private static (int Channels, long Rows) Shape(Tensor x)
    {
        var channels = (int)x.shape[^1];
        return (channels, x.numel() / channels);
    }

    private unsafe NormTable Table<T>(Tensor x, long rows, int channels) where T : unmanaged, INumber<T>
    {
        using var off = no_grad();
        var (weight, bias) = (Values(Norm.weight!), Values(Norm.bias!));
        double[] mean, variance;
        var count = (double)rows;
        if (Norm.training)
        {
            (mean, variance) = NormLoops<T>.Statistics(TensorMemory.Pointer<T>(x), rows, channels);
            _sums = NormSynchronisation.Current;
            if (_sums is not null) count = StatisticsOverAll(_sums, mean, variance, rows);
            if (_sums is null or { UpdatesStatistics: true }) UpdateRunning(mean, variance, count * Repeats);
        }
        else
        {
            (mean, variance) = (Values(Norm.running_mean!), Values(Norm.running_var!));
        }
        var (inverseStd, scale, shift) = (new double[channels], new double[channels], new double[channels]);
        for (var c = 0; c < channels; c++)
        {
            inverseStd[c] = 1 / Math.Sqrt(variance[c] + Norm.eps);
            scale[c] = weight[c] * inverseStd[c];
            shift[c] = bias[c] - mean[c] * scale[c];
        }
        return new NormTable(mean, inverseStd, scale, shift, Norm.training, count);
    }

    /// <summary>Replaces mean and variance of this input by those over everyone's.</summary>
    /// <remarks>One sum of n, Σ(x − p) and Σ(x − p)², p the running mean: the same everywhere, and near enough to the mean that doubles lose nothing in the subtraction.</remarks>
    /// <returns>Over how many rows.</returns>
    private double StatisticsOverAll(INormSums sums, double[] mean, double[] variance, long rows)
    {
        var channels = mean.Length;
        var origin = Values(Norm.running_mean!);
        var own = new double[1 + 2 * channels];
        if (!sums.IsBlank)
        {
            own[0] = rows;
            for (var c = 0; c < channels; c++)
            {
                var away = mean[c] - origin[c];
                own[1 + c] = rows * away;
                own[1 + channels + c] = rows * (variance[c] + away * away);
            }
        }
        var all = sums.Sum(own);
        for (var c = 0; c < channels; c++)
        {
            var away = all[1 + c] / all[0];
            mean[c] = origin[c] + away;
            variance[c] = Math.Max(0, all[1 + channels + c] / all[0] - away * away);
        }
        return all[0];
    }

    private (double[] Sum, double[] Moment) OverAll(double[] sum, double[] moment)
    {
        if (_sums is null) return (sum, moment);
        var all = _sums.Sum([.. sum, .. moment]);
        return (all[..sum.Length], all[sum.Length..]);
    }

    private static double[] Values(Tensor perChannel)
    {
        using var scope = NewDisposeScope();
        return perChannel.to(ScalarType.Float64).data<double>().ToArray();
    }

    // n counts every copy of a repeated input: the unbiased factor is the one that T computed copies would have (DESIGN §12, trap 10).
    private void UpdateRunning(double[] mean, double[] variance, double n)
    {
        if (n < 2) throw new ArgumentException($"batch norm in training needs more than one value per channel, has {n}.");
        using var scope = NewDisposeScope();
        var momentum = Norm.momentum ?? throw new NotSupportedException("batch norm with a cumulative average");
        Norm.num_batches_tracked!.add_(1);
        Norm.running_mean!.mul_(1 - momentum).add_(tensor(mean, dtype: Norm.running_mean!.dtype), momentum);
        Norm.running_var!.mul_(1 - momentum).add_(tensor(variance, dtype: Norm.running_var!.dtype), momentum * n / (n - 1));
    }
}

internal sealed class FusedNormFunction : autograd.SingleTensorFunction<FusedNormFunction>
{
    public override string Name => nameof(FusedNormFunction);

    /// <param name="ctx">Saves the input; per-channel numbers stay in the call.</param>
    /// <param name="vars">The tensors of <see cref="NormCall.Apply"/>, then the call.</param>
    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var (x, call) = ((Tensor)vars[0], (NormCall)vars[^1]);
        var hasFourth = vars.Length == 5;
        ctx.save_for_backward([x]);
        ctx.save_data("call", call);
        ctx.save_data("hasFourth", hasFourth);
        return call.Forward(x, hasFourth && call.Neurons is null ? (Tensor)vars[3] : null);
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output) => BackwardFailure.Guard(
        grad_output,
        () =>
        {
            var (x, call) = (ctx.get_saved_variables()[0], (NormCall)ctx.get_data("call"));
            var hasFourth = (bool)ctx.get_data("hasFourth");
            var (input, weight, bias, decay) = call.Backward(x, grad_output, hasFourth && call.Neurons is not null);
            return Ordered(hasFourth, input, weight, bias, () => call.Neurons is null ? grad_output.alias() : tensor(decay, dtype: x.dtype));
        },
        () =>
        {
            var (x, call) = (ctx.get_saved_variables()[0], (NormCall)ctx.get_data("call"));
            return Ordered((bool)ctx.get_data("hasFourth"), zeros_like(x), zeros_like(call.Norm.weight!), zeros_like(call.Norm.weight!),
                () => call.Neurons is null ? grad_output.alias() : zeros([], dtype: x.dtype));
        });

    // The last stands for the call, which is no tensor.
    private static List<Tensor?> Ordered(bool hasFourth, Tensor input, Tensor weight, Tensor bias, Func<Tensor> fourth) =>
        hasFourth ? [input, weight, bias, fourth(), null] : [input, weight, bias, null];
}
