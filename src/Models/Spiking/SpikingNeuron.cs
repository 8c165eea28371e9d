using Volley.Models.Spiking.Fused;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Volley.Models.Spiking;

/// <summary>Which implementation runs.</summary>
public enum NeuronKernel
{
    /// <summary>The fused kernel where it can run (CPU, fp32 or fp64), else plain ops.</summary>
    Auto,

    /// <summary>torch's own operations, one by one: the reference that the fused kernel is compared with.</summary>
    Plain,

    /// <summary>The fused kernel; an input it cannot take is an error.</summary>
    Fused,
}

/// <summary>Everything a layer of neurons did. Shapes as the input. Owned by the caller.</summary>
/// <param name="Spikes_TX">s[t].</param>
/// <param name="H_TX">Membrane after charging, before fire and reset.</param>
/// <param name="V_TX">Membrane after the reset.</param>
public sealed record NeuronTrace(Tensor Spikes_TX, Tensor H_TX, Tensor V_TX);

/// <summary>A layer of spiking neurons over time: charge, fire, reset. The membrane starts at rest in each call.</summary>
/// <remarks>
/// With k = 1/τ, r the resting level: h[t] = v[t−1] + (x[t] − (v[t−1] − r))·k;  s[t] = 1 if h[t] ≥ v_th, else 0;
/// v[t] = h[t]·(1 − s[t]) + r·s[t] (hard) or h[t] − v_th·s[t] (soft). Variants: golden/README, "neurons".
/// </remarks>
public abstract class SpikingNeuron(string name, NeuronSettings settings) : Module<Tensor, Tensor>(name)
{
    public NeuronSettings Settings { get; } = settings;

    public NeuronKernel Kernel { get; set; } = NeuronKernel.Auto;

    /// <param name="x_TX">Input current, [T, …], floating point. Borrowed.</param>
    /// <returns>Spikes in {0, 1}, same shape, dtype, device and memory order. Owned by the caller.</returns>
    public override Tensor forward(Tensor x_TX) => Fire(x_TX, repeats: 0);

    /// <summary>The same input at each of <paramref name="timeSteps"/> time steps, without copies of it.</summary>
    /// <param name="x_1X">[1, …]. Borrowed.</param>
    /// <returns>Spikes, [T, …]. Owned by the caller.</returns>
    public Tensor ForwardRepeated(Tensor x_1X, int timeSteps)
    {
        if (x_1X.dim() < 1 || x_1X.shape[0] != 1)
            throw new ArgumentException($"{GetName()}: input to repeat has shape [{string.Join(", ", x_1X.shape)}], must be [1, …].", nameof(x_1X));
        return Fire(x_1X, timeSteps);
    }

    /// <summary>The same equations in plain tensor operations, with the membrane visible: what checks compare, and the fused kernel's reference.</summary>
    /// <param name="x_TX">Input current, [T, …]. Borrowed.</param>
    /// <param name="v0_X">Membrane before the first time step, as the last one of an earlier trace; null: at rest. Borrowed.</param>
    /// <returns>Differentiable in the input (and PLIF's w) through all three tensors. Owned by the caller.</returns>
    public NeuronTrace Trace(Tensor x_TX, Tensor? v0_X = null)
    {
        CheckInput(x_TX);
        using var scope = NewDisposeScope();
        var decay = Decay(x_TX);
        // unbind, not indexing: the gradient of one index is a tensor of zeros of the whole input's size.
        var inputs = x_TX.unbind(0);
        var (spikes, charged, membranes) = (new Tensor[inputs.Length], new Tensor[inputs.Length], new Tensor[inputs.Length]);
        var v = v0_X ?? full_like(inputs[0], Settings.Rest);
        for (var t = 0; t < inputs.Length; t++)
        {
            var h = Charge(v, inputs[t], decay);
            var s = Settings.Surrogate.Fire(h.sub(Settings.Threshold));
            v = Reset(h, Settings.DetachReset ? s.detach() : s);
            (charged[t], spikes[t], membranes[t]) = (h, s, v);
        }
        return new NeuronTrace(
            stack(spikes).MoveToOuterDisposeScope(), stack(charged).MoveToOuterDisposeScope(), stack(membranes).MoveToOuterDisposeScope());
    }

    /// <summary>k = 1/τ as a scalar tensor (differentiable where it is learned), or null where nothing leaks.</summary>
    internal abstract Tensor? Decay(Tensor like);

    private Tensor Fire(Tensor x_TX, int repeats)
    {
        CheckInput(x_TX);
        if (Kernel != NeuronKernel.Plain && FusedNeuron.Refusal(x_TX) is var refusal)
        {
            if (refusal is null) return FusedNeuron.Fire(this, x_TX, repeats);
            if (Kernel == NeuronKernel.Fused) throw new NotSupportedException($"{GetName()}: the fused kernel does not take this input: {refusal}.");
        }
        using var scope = NewDisposeScope();
        var input = repeats > 0 ? x_TX.expand([repeats, .. x_TX.shape[1..]]) : x_TX;
        return Trace(input).Spikes_TX.MoveToOuterDisposeScope();
    }

    private Tensor Charge(Tensor v, Tensor x, Tensor? decay)
    {
        if (decay is null) return v.add(x);
        var aboveRest = Settings.Rest == 0 ? v : v.sub(Settings.Rest);
        return Settings.DecayInput ? v.add(x.sub(aboveRest).mul(decay)) : v.sub(aboveRest.mul(decay)).add(x);
    }

    private Tensor Reset(Tensor h, Tensor s)
    {
        if (Settings.VReset is not { } level) return h.sub(s.mul(Settings.Threshold));
        var kept = h.mul(1 - s);
        return level == 0 ? kept : kept.add(s.mul(level));
    }

    private void CheckInput(Tensor x_TX)
    {
        if (x_TX.dim() < 1 || x_TX.shape[0] < 1)
            throw new ArgumentException($"{GetName()}: input has shape [{string.Join(", ", x_TX.shape)}], must be [T, …] with T ≥ 1.", nameof(x_TX));
    }
}
