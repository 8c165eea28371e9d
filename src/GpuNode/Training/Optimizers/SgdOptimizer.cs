using Volley.Shared.Config;
using static TorchSharp.torch;

namespace Volley.GpuNode.Training.Optimizers;

/// <summary>Stochastic gradient descent with momentum, optionally Nesterov's, and coupled (L2) weight decay. No dampening.</summary>
internal sealed class SgdOptimizer : FlatOptimizer
{
    private readonly Tensor _momenta;

    public SgdOptimizer(FlatParameters parameters, OptimizerSpec spec, IReadOnlySet<string> neverDecayed, bool? useKernel)
        : base(parameters, spec, neverDecayed, useKernel)
    {
        _momenta = NewState();
        State = new Dictionary<string, Tensor> { ["momentum_buffer"] = _momenta };
    }

    public override IReadOnlyDictionary<string, Tensor> State { get; }

    private protected override void UpdateRange<T>(int start, int length, double weightDecay, double learningRate, double gradientScale) =>
        UpdateKernels.Sgd(
            TensorMemory.Of<T>(Parameters.Values).Slice(start, length), TensorMemory.Of<T>(Parameters.Gradients).Slice(start, length),
            TensorMemory.Of<T>(_momenta).Slice(start, length),
            T.CreateChecked(gradientScale), T.CreateChecked(weightDecay), T.CreateChecked(Spec.Momentum), T.CreateChecked(learningRate), Spec.Nesterov);

    private protected override void StepByTensors(double learningRate, double gradientScale, Tensor decay)
    {
        var gradient = Parameters.Gradients * gradientScale + decay * Parameters.Values;
        _momenta.mul_(Spec.Momentum).add_(gradient);
        Parameters.Values.sub_((Spec.Nesterov ? gradient + _momenta * Spec.Momentum : _momenta) * learningRate);
    }

    public override void Dispose()
    {
        _momenta.Dispose();
        base.Dispose();
    }
}
