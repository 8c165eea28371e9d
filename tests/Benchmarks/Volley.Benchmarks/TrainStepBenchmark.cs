using System.CommandLine;
using TorchSharp;
using Volley.GpuNode.Cli;
using Volley.GpuNode.Training.Optimizers;
using Volley.Models;
using Volley.Models.Losses;
using Volley.Models.Spiking;
using Volley.Shared.Config;
using static TorchSharp.torch;

namespace Volley.Benchmarks;

/// <summary>Whole training steps (forward, loss, backward, AdamW) of the models on CIFAR-sized noise.</summary>
internal static class TrainStepBenchmark
{
    // PyTorch 2.10, 2 threads, fp32, allocator keeping its memory: images/s.
    private static readonly Dictionary<string, double> PyTorch = new() { ["resnet18"] = 59, ["vit-9-192"] = 85, ["sdt-2-256"] = 17.7 };

    public static Command Command()
    {
        var models = new Option<string[]>("--model")
        {
            Description = "Presets, or vit-9-192 (patch 4, width 192, depth 9, 3 heads).",
            DefaultValueFactory = _ => ["resnet18", "vit-9-192", "sdt-2-256", "spikformer-4-384"],
            AllowMultipleArgumentsPerToken = true,
        };
        var batch = new Option<int>("--batch") { DefaultValueFactory = _ => 64 };
        var threads = new Option<int>("--threads") { DefaultValueFactory = _ => 2 };
        var runs = new Option<int>("--runs") { DefaultValueFactory = _ => 7 };
        var kernel = new Option<NeuronKernel>("--kernel") { Description = "auto | plain | fused: what spiking models run.", DefaultValueFactory = _ => NeuronKernel.Auto };
        var command = new Command("train-step", "Training steps, e.g. train-step --model sdt-2-256 --batch 64 --threads 2") { models, batch, threads, runs, kernel };
        command.SetAction(parse => Run(
            parse.GetValue(models)!, parse.GetValue(batch), parse.GetValue(threads), parse.GetValue(runs), parse.GetValue(kernel)));
        return command;
    }

    private static int Run(string[] models, int batch, int threads, int runs, NeuronKernel kernel)
    {
        set_num_threads(threads);
        Machine.PrintHeader($"Training steps, batch {batch}, {threads} threads, fp32");
        Console.WriteLine("| model | ms a step (5–95 %) | images/s | PyTorch 2.10, images/s | ratio | CPU ms a step |");
        Console.WriteLine("|---|---|---|---|---|---|");
        foreach (var name in models)
        {
            var timing = Time(name, batch, runs, kernel);
            var rate = batch / timing.Median * 1000;
            var reference = PyTorch.TryGetValue(name, out var peer) && (batch, threads) == (64, 2) ? peer : double.NaN;
            Console.WriteLine(double.IsNaN(reference)
                ? $"| {name} | {timing.Median:f0} ({timing.Spread}) | {rate:f1} | – | – | {timing.CpuPerRun:f0} |"
                : $"| {name} | {timing.Median:f0} ({timing.Spread}) | {rate:f1} | {reference:f1} | {rate / reference:f2} | {timing.CpuPerRun:f0} |");
            ProcessSettings.TrimMemory();
        }
        return 0;
    }

    private static Timing Time(string name, int batch, int runs, NeuronKernel kernel)
    {
        using var model = ModelRegistry.Create(Spec(name), new ModelInput(3, 32, 32, 10), seed: 1);
        if (model is SpikingClassifier spiking)
        {
            VerifyFusedAgainstPlain(name, spiking);
            spiking.Kernel = kernel;
        }
        using var parameters = FlatParameters.Attach(model, model.UnusedParameters);
        using var optimizer = FlatOptimizer.Create(new OptimizerSpec { Lr = 1e-3, WeightDecay = 0.06 }, parameters, model.NeverDecayed);
        using var images = randn(batch, 3, 32, 32);
        using var labels = randint(0, 10, [batch]);
        return Timing.Measure(warmUps: 2, runs, () =>
        {
            using var step = NewDisposeScope();
            var loss = CrossEntropy.Sum(model.call(images), labels) / batch;
            parameters.ZeroGradients();
            loss.backward();
            BackwardFailure.ThrowIfAny();
            optimizer.Step(1e-3);
            if (!double.IsFinite(loss.ToDouble())) throw new InvalidOperationException($"{name}: loss is {loss.ToDouble()}");
        });
    }

    private static ModelSpec Spec(string name)
    {
        if (name == "vit-9-192") return new VitSpec { Name = "vit", Patch = 4, EmbedDim = 192, Depth = 9, Heads = 3 };
        return ModelPresets.TryGet(name, out var spec)
            ? spec
            : throw new ArgumentException($"--model {name}: must be vit-9-192 or one of {string.Join(", ", ModelPresets.Names)}");
    }

    // Evaluation mode: in training, rounding in a batch statistic may tip a neuron.
    private static void VerifyFusedAgainstPlain(string name, SpikingClassifier model)
    {
        using var scope = NewDisposeScope();
        using var off = no_grad();
        model.eval();
        var images = randn(4, 3, 32, 32);
        model.Kernel = NeuronKernel.Plain;
        var plain = model.call(images);
        model.Kernel = NeuronKernel.Fused;
        var error = (plain - model.call(images)).abs().max().ToDouble();
        if (error > 1e-3 * plain.abs().max().ToDouble()) throw new InvalidOperationException($"{name}: fused logits differ from plain by {error:g3}");
        model.train();
    }
}
