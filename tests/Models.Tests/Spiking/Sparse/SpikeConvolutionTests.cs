using TorchSharp;
using Volley.Models.Spiking;
using Volley.Models.Spiking.Sparse;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Volley.Models.Tests.Spiking.Sparse;

/// <summary>The convolution over spikes against torch's own in f64: its sums are of ones and weights, in another order.</summary>
public sealed class SpikeConvolutionTests : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();

    /// <summary>Images, channels, height, width; outputs, kernel, bias, rate.</summary>
    public static TheoryData<long[], int, int, bool, double> Cases => new()
    {
        { [3, 16, 5, 7], 16, 3, false, 0.1 },
        { [20, 32, 8, 8], 64, 3, true, 0.2 },         // several chunks of images
        { [2, 64, 6, 6], 128, 3, false, 0.05 },
        { [2, 48, 4, 4], 208, 3, true, 0.24 },        // outputs: 128 + 64 + 16
        { [5, 256, 4, 4], 256, 1, true, 0.2 },
        { [2, 16, 9, 3], 32, 5, true, 0.1 },
        { [2, 16, 4, 4], 16, 3, true, 0 },            // silence
        { [1, 16, 1, 1], 16, 3, false, 0.2 },         // a map smaller than the kernel
    };

    public void Dispose() => _scope.Dispose();

    [Theory]
    [MemberData(nameof(Cases))]
    public void Apply_EqualsTorchs_InValuesAndGradients(long[] shape, int outputs, int kernel, bool hasBias, double rate)
    {
        manual_seed(9);
        var spikes = SpikingFlow.ChannelsLast(rand(shape).lt(rate).to(ScalarType.Float32));
        var convolution = Conv2d(shape[1], outputs, kernel_size: kernel, stride: 1, padding: (kernel - 1) / 2, bias: hasBias);
        var reference = Conv2d(shape[1], outputs, kernel_size: kernel, stride: 1, padding: (kernel - 1) / 2, bias: hasBias, dtype: ScalarType.Float64);
        reference.load_state_dict(convolution.state_dict().ToDictionary(entry => entry.Key, entry => entry.Value.to(ScalarType.Float64)));
        var upstream = randn([shape[0], outputs, shape[2], shape[3]]);
        var (x, y) = (spikes.clone().requires_grad_(), spikes.to(ScalarType.Float64).requires_grad_());

        var actual = SpikeConvolution.TryApply(convolution, x);
        Assert.NotNull(actual);
        var expected = reference.call(y);
        actual.backward([upstream]);
        BackwardFailure.ThrowIfAny();
        expected.backward([upstream.to(ScalarType.Float64)]);

        Near.Assert(expected, actual, 1e-5, "output");
        Near.Assert(y.grad!, x.grad!, 1e-5, "input gradient");
        Near.Assert(reference.weight.grad!, convolution.weight.grad!, 1e-5, "weight gradient");
        if (hasBias) Near.Assert(reference.bias!.grad!, convolution.bias!.grad!, 1e-5, "bias gradient");
        Assert.True(SpikeConvolution.IsChannelsLast(actual));
    }

    [Fact]
    public void Apply_GivesTheSameBits_OnAnyNumberOfThreads()
    {
        manual_seed(9);
        var spikes = SpikingFlow.ChannelsLast(rand(40, 32, 8, 8).lt(0.1).to(ScalarType.Float32));
        var convolution = Conv2d(32, 64, kernel_size: 3, stride: 1, padding: 1);
        var upstream = randn([40, 64, 8, 8]);
        var before = get_num_threads();
        try
        {
            var results = new List<(Tensor Output, Tensor Weight)>();
            foreach (var threads in new[] { 1, 2, 5 })
            {
                set_num_threads(threads);
                convolution.weight.grad = null;
                var output = SpikeConvolution.TryApply(convolution, spikes)!;
                output.backward([upstream]);
                BackwardFailure.ThrowIfAny();
                results.Add((output, convolution.weight.grad!.clone()));
            }
            foreach (var (output, weight) in results.Skip(1))
            {
                Near.AssertSame(results[0].Output, output, "output");
                Near.AssertSame(results[0].Weight, weight, "weight gradient");
            }
        }
        finally
        {
            set_num_threads(before);
        }
    }

    [Fact]
    public void TryApply_LeavesToTorch_WhatIsNotFewSpikes()
    {
        var convolution = Conv2d(16, 16, kernel_size: 3, stride: 1, padding: 1);
        var few = SpikingFlow.ChannelsLast(rand(2, 16, 4, 4).lt(0.1).to(ScalarType.Float32));
        Assert.NotNull(SpikeConvolution.TryApply(convolution, few));
        Assert.Null(SpikeConvolution.TryApply(convolution, SpikingFlow.ChannelsLast(ones(2, 16, 4, 4))));                    // many
        Assert.Null(SpikeConvolution.TryApply(convolution, SpikingFlow.ChannelsLast(few * 2)));                              // no spikes
        Assert.Null(SpikeConvolution.TryApply(convolution, SpikingFlow.ChannelsLast(few / 0f)));                             // NaN and ∞
        Assert.Null(SpikeConvolution.TryApply(convolution, rand(2, 16, 4, 4).lt(0.1).to(ScalarType.Float32).contiguous()));  // channels first
        Assert.Null(SpikeConvolution.TryApply(Conv2d(16, 16, kernel_size: 3, stride: 2, padding: 1), few));
        Assert.Null(SpikeConvolution.TryApply(Conv2d(16, 16, kernel_size: 3, stride: 1, padding: 0L), few));
        Assert.Null(SpikeConvolution.TryApply(Conv2d(16, 12, kernel_size: 3, stride: 1, padding: 1), few));                  // outputs fill no vector
        Assert.Null(SpikeConvolution.TryApply(Conv2d(16, 16, kernel_size: 3, stride: 1, padding: 1, groups: 2), few));
        Assert.Null(SpikeConvolution.TryApply(Conv2d(16, 16, kernel_size: 3, stride: 1, padding: 1, dtype: ScalarType.Float64), few.to(ScalarType.Float64)));
    }
}
