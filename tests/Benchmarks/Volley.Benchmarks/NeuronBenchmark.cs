using System.CommandLine;
using TorchSharp;
using Volley.Models;
using Volley.Models.Spiking;
using static TorchSharp.torch;

namespace Volley.Benchmarks;

/// <summary>One layer of neurons, forward and backward: the fused kernel against plain operations.</summary>
internal static class NeuronBenchmark
{
    public static Command Command()
    {
        var neurons = new Option<int>("--neurons") { Description = "Neurons in the layer.", DefaultValueFactory = _ => 4_194_304 };
        var timeSteps = new Option<int>("--time-steps") { DefaultValueFactory = _ => 4 };
        var threads = new Option<int[]>("--threads") { DefaultValueFactory = _ => [1, 2], AllowMultipleArgumentsPerToken = true };
        var runs = new Option<int>("--runs") { DefaultValueFactory = _ => 15 };
        var command = new Command("neuron", "Fused against plain neurons, e.g. neuron --threads 1 2") { neurons, timeSteps, threads, runs };
        command.SetAction(parse => Run(parse.GetValue(neurons), parse.GetValue(timeSteps), parse.GetValue(threads)!, parse.GetValue(runs)));
        return command;
    }

    private static int Run(int neurons, int timeSteps, int[] threadCounts, int runs)
    {
        Machine.PrintHeader($"Neuron layer, forward + backward, {timeSteps} × {neurons:n0}, fp32");
        Console.WriteLine("| neuron | threads | plain, ms (5–95 %) | fused, ms (5–95 %) | times faster | fused, CPU ms |");
        Console.WriteLine("|---|---|---|---|---|---|");
        foreach (var threads in threadCounts)
        {
            set_num_threads(threads);
            foreach (var (name, layer) in Layers())
            {
                using var scope = NewDisposeScope();
                manual_seed(1);
                // Around the threshold: a good part of the neurons fires at each step.
                var x = (randn(timeSteps, neurons) + 0.5).detach().requires_grad_();
                var upstream = randn(timeSteps, neurons);
                Verify(name, layer, x, upstream);
                var plain = Time(layer, NeuronKernel.Plain, x, upstream, Math.Max(5, runs / 3));
                var fused = Time(layer, NeuronKernel.Fused, x, upstream, runs);
                Console.WriteLine($"| {name} | {threads} | {plain.Median:f1} ({plain.Spread}) | {fused.Median:f1} ({fused.Spread}) | {plain.Median / fused.Median:f1} | {fused.CpuPerRun:f1} |");
            }
        }
        return 0;
    }

    private static IEnumerable<(string, SpikingNeuron)> Layers()
    {
        yield return ("LIF", new LifNeuron(new NeuronSettings()));
        yield return ("PLIF", new ParametricLifNeuron(new NeuronSettings()));
        yield return ("IF, arctan, soft reset", new IntegrateFireNeuron(new NeuronSettings { VReset = null, Surrogate = new(SurrogateShape.Atan, 2.0) }));
    }

    private static Timing Time(SpikingNeuron layer, NeuronKernel kernel, Tensor x, Tensor upstream, int runs)
    {
        layer.Kernel = kernel;
        return Timing.Measure(warmUps: 3, runs, () => Pass(layer, x, upstream));
    }

    private static void Pass(SpikingNeuron layer, Tensor x, Tensor upstream)
    {
        using var scope = NewDisposeScope();
        var spikes = layer.call(x);
        // Not backward(): adding to a leaf's gradient is no part of a layer inside a network.
        autograd.grad([spikes], [x], [upstream]);
        BackwardFailure.ThrowIfAny();
    }

    private static void Verify(string name, SpikingNeuron layer, Tensor x, Tensor upstream)
    {
        using var scope = NewDisposeScope();
        var (plainSpikes, plainGradient) = Outcome(NeuronKernel.Plain);
        var (fusedSpikes, fusedGradient) = Outcome(NeuronKernel.Fused);
        var flips = plainSpikes.ne(fusedSpikes).sum().ToInt64();
        var error = (plainGradient - fusedGradient).abs().max().ToDouble();
        if (flips > 0 || error > 1e-6 * Math.Max(1, plainGradient.abs().max().ToDouble()))
            throw new InvalidOperationException($"{name}: fused differs from plain: {flips} spikes, gradient by {error:g3}");

        (Tensor, Tensor) Outcome(NeuronKernel kernel)
        {
            layer.Kernel = kernel;
            var spikes = layer.call(x);
            var gradient = autograd.grad([spikes], [x], [upstream])[0];
            BackwardFailure.ThrowIfAny();
            return (spikes.detach(), gradient);
        }
    }
}
