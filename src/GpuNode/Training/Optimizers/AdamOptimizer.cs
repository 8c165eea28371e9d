using Volley.Shared.Config;
using static TorchSharp.torch;

namespace Volley.GpuNode.Training.Optimizers;

/// <summary>Adam (Kingma, Ba 2015; decay added to the gradient) and AdamW (Loshchilov, Hutter 2019; decay applied to the value).</summary>
internal sealed class AdamOptimizer : FlatOptimizer
{
    private readonly Tensor _firstMoments;
    private readonly Tensor _secondMoments;
    private readonly bool _decoupled;

    public AdamOptimizer(FlatParameters parameters, OptimizerSpec spec, IReadOnlySet<string> neverDecayed, bool decoupled, bool? useKernel)
        : base(parameters, spec, neverDecayed, useKernel)
    {
        _decoupled = decoupled;
        _firstMoments = NewState();
        _secondMoments = NewState();
        State = new Dictionary<string, Tensor> { ["exp_avg"] = _firstMoments, ["exp_avg_sq"] = _secondMoments };
    }

    public override IReadOnlyDictionary<string, Tensor> State { get; }

    private double Bias1 => 1.0 - Math.Pow(Spec.Beta1, StepCount);

    private double RootBias2 => Math.Sqrt(1.0 - Math.Pow(Spec.Beta2, StepCount));

    private protected override void UpdateRange<T>(int start, int length, double weightDecay, double learningRate, double gradientScale)
    {
        var step = new UpdateKernels.AdamStep<T>(
            GradientScale: T.CreateChecked(gradientScale),
            CoupledDecay: T.CreateChecked(_decoupled ? 0.0 : weightDecay),
            Shrink: T.CreateChecked(_decoupled ? 1.0 - learningRate * weightDecay : 1.0),
            OneMinusBeta1: T.CreateChecked(1.0 - Spec.Beta1),
            Beta2: T.CreateChecked(Spec.Beta2),
            OneMinusBeta2: T.CreateChecked(1.0 - Spec.Beta2),
            StepSize: T.CreateChecked(learningRate / Bias1),
            RootBias2: T.CreateChecked(RootBias2),
            Eps: T.CreateChecked(Spec.Eps));
        UpdateKernels.Adam(
            TensorMemory.Of<T>(Parameters.Values).Slice(start, length), TensorMemory.Of<T>(Parameters.Gradients).Slice(start, length),
            TensorMemory.Of<T>(_firstMoments).Slice(start, length), TensorMemory.Of<T>(_secondMoments).Slice(start, length), step);
    }

    private protected override void StepByTensors(double learningRate, double gradientScale, Tensor decay)
    {
        var values = Parameters.Values;
        var gradient = Parameters.Gradients * gradientScale;
        if (_decoupled) values.mul_(1.0 - decay * learningRate);
        else gradient += decay * values;
        _firstMoments.add_((gradient - _firstMoments) * (1.0 - Spec.Beta1));
        _secondMoments.mul_(Spec.Beta2).add_(gradient * gradient * (1.0 - Spec.Beta2));
        var denominator = _secondMoments.sqrt() / RootBias2 + Spec.Eps;
        values.sub_(_firstMoments / denominator * (learningRate / Bias1));
    }

    public override void Dispose()
    {
        _firstMoments.Dispose();
        _secondMoments.Dispose();
        base.Dispose();
    }
}
