using TorchSharp;
using TorchSharp.Modules;
using Volley.Models.Spiking;
using Volley.Models.Spiking.Fused;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Volley.Models.Tests.Spiking.Fused;

/// <summary>The fused norm against torch's own batch norm, alone and with neurons behind it.</summary>
public sealed class FusedNormTests : IDisposable
{
    private const ScalarType F64 = ScalarType.Float64;
    private readonly DisposeScope _scope = NewDisposeScope();

    public static TheoryData<long[], bool> Shapes => new()
    {
        { [4, 16, 5, 5], true },
        { [4, 3, 7, 5], true },        // channels that fill no vector
        { [8, 25, 3, 3], true },
        { [4, 1, 6, 6], true },
        { [12, 70, 40], false },       // tokens
        { [64, 33, 1100], false },     // wider than a stripe's least length, several chunks
    };

    public void Dispose() => _scope.Dispose();

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Norm_EqualsTorchs_InValuesStatisticsAndGradients(long[] shape, bool isMap)
    {
        manual_seed(5);
        var x = randn(shape, F64) * 3 + 100;      // far from zero: sums of squares would lose digits
        var residual = randn(shape, F64);
        var upstream = randn(shape, F64);
        foreach (var isTraining in new[] { true, false })
        {
            var channels = isMap ? shape[1] : shape[2];
            var (ours, theirs) = (Norm(channels, isMap), Norm(channels, isMap));
            ours.train(isTraining);
            theirs.train(isTraining);
            var (a, ra, b, rb) = (Leaf(x), Leaf(residual), Leaf(x), Leaf(residual));
            var y = FusedNorm.Norm(ours, a, ra);
            var expected = (isMap ? theirs.call(b) : theirs.call(b.flatten(0, 1)).view_as(b)) + rb;
            (y * upstream).sum().backward();
            (expected * upstream).sum().backward();
            BackwardFailure.ThrowIfAny();
            Near.Assert(expected, y, 1e-11, "y");
            Near.Assert(b.grad!, a.grad!, 1e-11, "x");
            Near.Assert(rb.grad!, ra.grad!, 1e-12, "residual");
            AssertSameState(theirs, ours, 1e-10);
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void NormAndNeurons_EqualOneAfterTheOther(long[] shape, bool isMap)
    {
        manual_seed(5);
        var channels = isMap ? shape[1] : shape[2];
        var x = randn(shape, F64) * 2 - 1;
        foreach (var isRepeated in new[] { false, true })
        {
            var upstream = randn([4, isRepeated ? shape[0] : shape[0] / 4, .. shape[1..]], F64);
            var (ours, theirs) = (Norm(channels, isMap), Norm(channels, isMap));
            var (neurons, plainNeurons) = (new ParametricLifNeuron(new NeuronSettings()), new ParametricLifNeuron(new NeuronSettings()) { Kernel = NeuronKernel.Plain });
            neurons.to(F64);
            plainNeurons.to(F64);
            var (a, b) = (Leaf(x), Leaf(x));
            var spikes = FusedNorm.NormAndFire(ours, neurons, a, 4, isRepeated);
            // Computed four times over, as the reference does: the running variance must not show the difference.
            var copies = isRepeated ? b.repeat([4, .. Enumerable.Repeat(1L, shape.Length - 1)]) : b;
            var normed = isMap ? theirs.call(copies) : theirs.call(copies.flatten(0, 1)).view_as(copies);
            var expected = plainNeurons.call(normed.unflatten(0, [4, -1]));
            (spikes * upstream).sum().backward();
            (expected * upstream).sum().backward();
            BackwardFailure.ThrowIfAny();
            Near.AssertSame(expected, spikes);
            Near.Assert(b.grad!, a.grad!, 1e-10, "x");
            Near.Assert(plainNeurons.get_parameter("w")!.grad!, neurons.get_parameter("w")!.grad!, 1e-9, "w");
            AssertSameState(theirs, ours, 1e-10);
        }
    }

    [Fact]
    public void PlainNormOfARepeatedInput_CountsEveryCopyInTheRunningVariance()
    {
        manual_seed(5);
        var flow = new SpikingFlow(4) { Kernel = NeuronKernel.Plain };
        var (ours, theirs) = (Norm(3, isMap: true), Norm(3, isMap: true));
        var x = randn([2, 3, 2, 2], F64);
        var y = flow.Norm(ours, x, repeats: 4);
        var expected = theirs.call(x.repeat(4, 1, 1, 1));
        Near.Assert(expected.narrow(0, 0, 2), y, 1e-12);
        AssertSameState(theirs, ours, 1e-12);
    }

    [Fact]
    public void OneValuePerChannel_IsRefusedInTraining()
    {
        var norm = Norm(3, isMap: true);
        Assert.Contains("more than one value", Assert.Throws<ArgumentException>(() => FusedNorm.Norm(norm, randn([1, 3, 1, 1], F64), null)).Message, StringComparison.Ordinal);
    }

    private static Tensor Leaf(Tensor x) => x.detach().clone().requires_grad_();

    private static NormBase Norm(long channels, bool isMap)
    {
        NormBase norm = isMap ? BatchNorm2d(channels) : BatchNorm1d(channels);
        norm.to(F64);
        using var off = no_grad();
        norm.weight!.copy_(linspace(0.7, 1.9, channels, dtype: F64));
        norm.bias!.copy_(linspace(-0.4, 0.8, channels, dtype: F64));
        norm.running_mean!.fill_(99);
        norm.running_var!.fill_(8);
        return norm;
    }

    private static void AssertSameState(NormBase expected, NormBase actual, double tolerance)
    {
        Near.Assert(expected.running_mean!, actual.running_mean!, tolerance, "running_mean");
        Near.Assert(expected.running_var!, actual.running_var!, tolerance, "running_var");
        Near.AssertSame(expected.num_batches_tracked!, actual.num_batches_tracked!, "num_batches_tracked");
        if (expected.weight!.grad is null) return;
        Near.Assert(expected.weight.grad, actual.weight!.grad!, tolerance, "weight");
        Near.Assert(expected.bias!.grad!, actual.bias!.grad!, tolerance, "bias");
    }
}
