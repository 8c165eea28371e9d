using System.CommandLine;
using TorchSharp;
using TorchSharp.Modules;
using Volley.Models;
using Volley.Models.Spiking;
using Volley.Models.Spiking.Sparse;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Volley.Benchmarks;

/// <summary>The convolutions of sdt-2-256, forward and backward, over spikes and dense, at several firing rates: which is faster from where on.</summary>
internal static class SpikeConvolutionBenchmark
{
    // Inputs, outputs, side of the map, kernel.
    private static readonly (int Inputs, int Outputs, int Side, int Kernel)[] Layers =
    [
        (32, 64, 32, 3),
        (64, 128, 32, 3),
        (128, 256, 16, 3),
        (256, 256, 8, 3),
        (256, 256, 8, 1),
        (256, 1024, 8, 1),
        (1024, 256, 8, 1),
    ];

    public static Command Command()
    {
        var images = new Option<int>("--images") { Description = "Images times time steps.", DefaultValueFactory = _ => 64 };
        var threads = new Option<int>("--threads") { DefaultValueFactory = _ => 2 };
        var runs = new Option<int>("--runs") { DefaultValueFactory = _ => 9 };
        var rates = new Option<double[]>("--rates") { DefaultValueFactory = _ => [0.02, 0.05, 0.1, 0.2, 0.3, 0.5], AllowMultipleArgumentsPerToken = true };
        var command = new Command("spike-convolution", "Convolutions over spikes against dense ones, e.g. spike-convolution --rates 0.05 0.2") { images, threads, runs, rates };
        command.SetAction(parse => Run(parse.GetValue(images), parse.GetValue(threads), parse.GetValue(runs), parse.GetValue(rates)!));
        return command;
    }

    private static int Run(int images, int threads, int runs, double[] rates)
    {
        set_num_threads(threads);
        Machine.PrintHeader($"Convolution, forward + backward (input, weight), {images} maps, {threads} threads, fp32");
        Console.WriteLine("| layer | rate | dense, ms (5–95 %) | over spikes, ms (5–95 %) | times faster | of CPU time |");
        Console.WriteLine("|---|---|---|---|---|---|");
        foreach (var (inputs, outputs, side, kernel) in Layers)
        {
            foreach (var rate in rates)
            {
                using var scope = NewDisposeScope();
                manual_seed(1);
                var x = SpikingFlow.ChannelsLast(rand(images, inputs, side, side).lt(rate).to(ScalarType.Float32)).requires_grad_();
                var convolution = Conv2d(inputs, outputs, kernel_size: kernel, stride: 1, padding: (kernel - 1) / 2, bias: false);
                var upstream = SpikingFlow.ChannelsLast(randn(images, outputs, side, side));
                Verify(convolution, x, upstream);
                var dense = Timing.Measure(2, runs, () => Pass(convolution.call, convolution, x, upstream));
                var sparse = Timing.Measure(2, runs, () => Pass(input => OverSpikes(convolution, input), convolution, x, upstream));
                Console.WriteLine($"| {inputs} → {outputs}, {kernel}×{kernel}, {side}×{side} | {rate:0.00} | {dense.Median:f1} ({dense.Spread}) | {sparse.Median:f1} ({sparse.Spread}) | {dense.Median / sparse.Median:f2} | {dense.CpuPerRun / sparse.CpuPerRun:f2} |");
            }
        }
        return 0;
    }

    // Listing the spikes is part of it.
    private static Tensor OverSpikes(Conv2d convolution, Tensor x) => SpikeConvolution.Apply(convolution, x, SpikeLists.Of(x, highestRate: 1)!);

    private static List<Tensor> Pass(Func<Tensor, Tensor> convolve, Conv2d convolution, Tensor x, Tensor upstream)
    {
        using var scope = NewDisposeScope();
        var gradients = autograd.grad([convolve(x)], [x, convolution.weight], [upstream]);
        BackwardFailure.ThrowIfAny();
        return [.. gradients.Select(gradient => gradient.MoveToOuterDisposeScope())];
    }

    private static void Verify(Conv2d convolution, Tensor x, Tensor upstream)
    {
        using var scope = NewDisposeScope();
        var pairs = Pass(convolution.call, convolution, x, upstream).Zip(Pass(input => OverSpikes(convolution, input), convolution, x, upstream))
            .Append((convolution.call(x), OverSpikes(convolution, x)));
        foreach (var (dense, sparse) in pairs)
        {
            var error = (dense - sparse).abs().max().ToDouble();
            if (error > 1e-4 * Math.Max(1, dense.abs().max().ToDouble())) throw new InvalidOperationException($"{convolution}: over spikes differs from dense by {error:g3}");
        }
    }
}
