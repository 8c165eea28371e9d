using System.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Volley.Models.Spiking.Fused;

/// <summary>A neuron layer as one operation of autograd. Same spikes as the plain version, bit for bit.</summary>
internal static class FusedNeuron
{
    /// <returns>Why the kernel cannot take this input, or null.</returns>
    public static string? Refusal(Tensor x_TX)
    {
        if (x_TX.device_type != DeviceType.CPU) return $"it is on {x_TX.device}";
        if (x_TX.dtype is not (ScalarType.Float32 or ScalarType.Float64)) return $"its type is {x_TX.dtype}";
        return x_TX.numel() == 0 ? "it is empty" : null;
    }

    /// <param name="repeats">0, or T where x_TX is [1, …] and stands for every time step.</param>
    public static Tensor Fire(SpikingNeuron layer, Tensor x_TX, int repeats)
    {
        using var scope = NewDisposeScope();
        var decay = layer.Decay(x_TX);
        var x = TensorMemory.IsDenseWithOuterTime(x_TX) ? x_TX : x_TX.contiguous();
        var call = new NeuronCall(layer.Settings, decay?.ToDouble(), repeats > 0, repeats > 0 ? repeats : (int)x.shape[0]);
        var isDecayLearned = decay is { requires_grad: true };
        if (!is_grad_enabled() || !(x.requires_grad || isDecayLearned)) return call.Forward(x).MoveToOuterDisposeScope();
        return (isDecayLearned ? FusedNeuronFunction.apply(x, call, decay!) : FusedNeuronFunction.apply(x, call)).MoveToOuterDisposeScope();
    }
}

/// <summary>One call's constants, and its way from tensors to raw memory.</summary>
internal sealed record NeuronCall(NeuronSettings Settings, double? Decay, bool IsRepeated, int TimeSteps)
{
    public Tensor Forward(Tensor x) => x.dtype == ScalarType.Float32 ? Forward<float>(x) : Forward<double>(x);

    /// <returns>∂L/∂x and, where asked for, ∂L/∂k.</returns>
    public (Tensor Input, double Decay) Backward(Tensor x, Tensor spikeGradient, bool wantsDecayGradient) =>
        x.dtype == ScalarType.Float32 ? Backward<float>(x, spikeGradient, wantsDecayGradient) : Backward<double>(x, spikeGradient, wantsDecayGradient);

    private unsafe Tensor Forward<T>(Tensor x) where T : unmanaged, INumber<T>
    {
        var n = Neurons(x);
        var spikes = EmptySpikes(x);
        NeuronLoops<T>.Forward(
            null, new NeuronLanes<T>(Settings, Decay), TensorMemory.Pointer<T>(x), IsRepeated ? 0 : n, TensorMemory.Pointer<T>(spikes), n, TimeSteps);
        GC.KeepAlive(x);
        return spikes;
    }

    private unsafe (Tensor, double) Backward<T>(Tensor x, Tensor spikeGradient, bool wantsDecayGradient) where T : unmanaged, INumber<T>
    {
        var n = Neurons(x);
        var gradient = x.empty_like();
        var upstream = spikeGradient;
        if (!HasOrderOf(x, spikeGradient))
        {
            upstream = EmptySpikes(x);
            upstream.copy_(spikeGradient);
        }
        var (_, _, decay) = NeuronLoops<T>.Backward(
            null, new NeuronLanes<T>(Settings, Decay), TensorMemory.Pointer<T>(x), IsRepeated ? 0 : n, TensorMemory.Pointer<T>(upstream),
            TensorMemory.Pointer<T>(gradient), n, TimeSteps, wantsDecayGradient);
        GC.KeepAlive(x);
        GC.KeepAlive(upstream);
        return (gradient, decay);
    }

    private static long Neurons(Tensor x) => x.numel() / x.shape[0];

    // In the input's memory order, time outermost.
    private Tensor EmptySpikes(Tensor x) => empty_strided([TimeSteps, .. x.shape[1..]], [Neurons(x), .. x.stride()[1..]], x.dtype, x.device);

    private static bool HasOrderOf(Tensor x, Tensor gradient)
    {
        if (!TensorMemory.IsDenseWithOuterTime(gradient)) return false;
        var (ours, theirs, shape) = (x.stride(), gradient.stride(), x.shape);
        return Enumerable.Range(1, shape.Length - 1).All(d => shape[d] == 1 || ours[d] == theirs[d]);
    }
}

internal sealed class FusedNeuronFunction : autograd.SingleTensorFunction<FusedNeuronFunction>
{
    public override string Name => nameof(FusedNeuronFunction);

    /// <param name="ctx">Saves the input, nothing else.</param>
    /// <param name="vars">Input, <see cref="NeuronCall"/> and, where it is learned, k.</param>
    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var x = (Tensor)vars[0];
        var call = (NeuronCall)vars[1];
        ctx.save_for_backward([x]);
        ctx.save_data("call", call);
        ctx.save_data("learnsDecay", vars.Length > 2);
        return call.Forward(x);
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output) => BackwardFailure.Guard(
        grad_output,
        () =>
        {
            var (x, learnsDecay) = (ctx.get_saved_variables()[0], (bool)ctx.get_data("learnsDecay"));
            var (input, decay) = ((NeuronCall)ctx.get_data("call")).Backward(x, grad_output, learnsDecay);
            return learnsDecay ? [input, null, tensor(decay, dtype: x.dtype)] : [input, null];
        },
        () =>
        {
            var x = ctx.get_saved_variables()[0];
            return (bool)ctx.get_data("learnsDecay") ? [zeros_like(x), null, zeros([], dtype: x.dtype)] : [zeros_like(x), null];
        });
}
