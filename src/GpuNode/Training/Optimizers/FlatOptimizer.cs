using Volley.Shared.Config;
using static TorchSharp.torch;

namespace Volley.GpuNode.Training.Optimizers;

/// <summary>Updates all parameters from their gradients in one pass over flat buffers; one instance per run.</summary>
/// <remarks>
/// On the CPU a SIMD kernel over raw memory; elsewhere, and as the kernel's reference in tests, the same formula in tensor
/// operations over the whole buffer. Arithmetic follows PyTorch's SGD, Adam and AdamW.
/// </remarks>
public abstract class FlatOptimizer : IDisposable
{
    private readonly bool[] _decays;
    private readonly bool _useKernel;
    private Tensor? _decayMask;

    private protected FlatOptimizer(FlatParameters parameters, OptimizerSpec spec, IReadOnlySet<string> neverDecayed, bool? useKernel)
    {
        Parameters = parameters;
        Spec = spec;
        _decays = [.. parameters.Layout.Slots.Select(slot => WeightDecayRule.Decays(spec, slot, neverDecayed))];
        _useKernel = useKernel ?? parameters.Values.device_type == TorchSharp.DeviceType.CPU;
    }

    /// <summary>Completed updates. Saved and restored with <see cref="State"/>.</summary>
    public long StepCount { get; set; }

    /// <summary>Flat buffers in the parameters' layout, by PyTorch's names; borrowed.</summary>
    public abstract IReadOnlyDictionary<string, Tensor> State { get; }

    protected FlatParameters Parameters { get; }

    protected OptimizerSpec Spec { get; }

    /// <param name="neverDecayed">Names without decay beside biases and one-dimensional parameters; <c>decay_on: all</c> overrules it.</param>
    /// <param name="useKernel">null: where the parameters are in CPU memory.</param>
    public static FlatOptimizer Create(OptimizerSpec spec, FlatParameters parameters, IReadOnlySet<string> neverDecayed, bool? useKernel = null) => spec.Name switch
    {
        "sgd" => new SgdOptimizer(parameters, spec, neverDecayed, useKernel),
        "adam" => new AdamOptimizer(parameters, spec, neverDecayed, decoupled: false, useKernel),
        "adamw" => new AdamOptimizer(parameters, spec, neverDecayed, decoupled: true, useKernel),
        _ => throw new ConfigException("train.optimizer.name", $"is '{spec.Name}', must be one of sgd, adam, adamw."),
    };

    /// <param name="gradientScale">Multiplies every gradient first: the clipping factor.</param>
    public void Step(double learningRate, double gradientScale = 1.0)
    {
        StepCount++;
        if (!_useKernel)
        {
            using var scope = NewDisposeScope();
            using var _ = no_grad();
            StepByTensors(learningRate, gradientScale, DecayMask());
        }
        else if (Parameters.Values.dtype == ScalarType.Float64)
        {
            StepByKernel<double>(learningRate, gradientScale);
        }
        else
        {
            StepByKernel<float>(learningRate, gradientScale);
        }
    }

    public virtual void Dispose()
    {
        _decayMask?.Dispose();
        GC.SuppressFinalize(this);
    }

    private protected abstract void UpdateRange<T>(int start, int length, double weightDecay, double learningRate, double gradientScale)
        where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>;

    /// <param name="decay">λ per element, 0 where a parameter does not decay.</param>
    private protected abstract void StepByTensors(double learningRate, double gradientScale, Tensor decay);

    private protected Tensor NewState() => zeros_like(Parameters.Values).DetachFromDisposeScope();

    private void StepByKernel<T>(double learningRate, double gradientScale) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        var slots = Parameters.Layout.Slots;
        for (var first = 0; first < slots.Length;)
        {
            var next = first + 1;
            while (next < slots.Length && _decays[next] == _decays[first]) next++;
            var start = slots[first].Offset;
            var end = slots[next - 1].Offset + slots[next - 1].PaddedCount;
            UpdateRange<T>(checked((int)start), checked((int)(end - start)), _decays[first] ? Spec.WeightDecay : 0.0, learningRate, gradientScale);
            first = next;
        }
    }

    private Tensor DecayMask()
    {
        if (_decayMask is not null) return _decayMask;
        var mask = zeros_like(Parameters.Values);
        for (var i = 0; i < _decays.Length; i++)
        {
            var slot = Parameters.Layout.Slots[i];
            if (_decays[i]) mask.narrow(0, slot.Offset, slot.PaddedCount).fill_(Spec.WeightDecay);
        }
        return _decayMask = mask.DetachFromDisposeScope();
    }
}
