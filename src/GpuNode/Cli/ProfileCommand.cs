using System.CommandLine;
using Spectre.Console;
using TorchSharp;
using Volley.GpuNode.Profiling;
using Volley.Models;
using Volley.Models.Safetensors;
using Volley.Shared;
using Volley.Shared.Config;
using Volley.Shared.Config.Yaml;
using static TorchSharp.torch;

namespace Volley.GpuNode.Cli;

/// <summary><c>volley profile</c>: what a model costs, from its name or a configuration file.</summary>
internal static class ProfileCommand
{
    // A pipe has no width; Spectre would take 80 and break the names of layers.
    private const int RedirectedWidth = 160;

    private static readonly Argument<string> What = new("PRESET|FILE.yaml") { Description = $"One of {string.Join(", ", ModelPresets.Names)}, or a configuration file." };
    private static readonly Option<int?> Classes = new("--classes") { Description = "Number of classes (a preset: 10; a file: what its data set has)." };
    private static readonly Option<int?> ImageSize = new("--image-size") { Description = "Edge of the images in pixels (a preset: 32; a file: what its data set has)." };
    private static readonly Option<int?> Channels = new("--channels") { Description = "Channels of the images (a preset: 3; a file: what its data set has)." };
    private static readonly Option<string?> Weights = new("--weights") { Description = "A model.safetensors, or a checkpoint's folder: measure firing rates with trained weights." };
    private static readonly Option<int> Batch = new("--batch") { Description = "Images of the larger batch.", DefaultValueFactory = _ => 64 };
    private static readonly Option<double> Seconds = new("--seconds") { Description = "Time to spend on latency.", DefaultValueFactory = _ => 10 };
    private static readonly Option<int?> Threads = new("--threads") { Description = "Threads of libtorch (default: all cores)." };
    private static readonly Option<string[]> Set = new("--set") { Description = "key=value: override a setting of FILE.yaml, as often as needed." };
    private static readonly Option<bool> Json = new("--json") { Description = "Write JSON to standard output." };

    public static Command Create()
    {
        var command = new Command("profile",
            """
            Parameters, MACs, firing rates, energy and latency of a model.

            Firing rates and latency are measured on random normal images with a fixed seed; with --weights, on trained weights.

            Examples:
              volley profile sdt-2-256 --classes 100
              volley profile examples/train-vit.yaml --json
              volley profile sweep.yaml --set model=resnet18 --weights out/trial-0/model.safetensors
            """) { What, Classes, ImageSize, Channels, Weights, Batch, Seconds, Threads, Set, Json };
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        AtLeast(Batch, 1, parsed.GetValue(Batch));
        AtLeast(Threads, 1, parsed.GetValue(Threads) ?? 1);
        if (parsed.GetValue(Seconds) is not (> 0 and <= 3600)) throw new UserErrorException($"--seconds: is {parsed.GetValue(Seconds)}, must be above 0 and at most 3600.");
        var (spec, input) = Describe(parsed);
        if (parsed.GetValue(Threads) is { } threads) set_num_threads(threads);

        var device = cuda.is_available() ? CUDA : CPU;
        using var scope = NewDisposeScope();
        using var model = ModelRegistry.Create(spec, input, seed: 0);
        var weights = parsed.GetValue(Weights);
        if (weights is not null)
        {
            using var file = SafetensorsFile.Open(Directory.Exists(weights) ? Path.Combine(weights, "model.safetensors") : weights);
            ModuleState.Load(model, file);
        }
        model.to(device);
        var profile = ModelProfiler.Profile(model, spec, input, isTrained: weights is not null, parsed.GetValue(Batch), TimeSpan.FromSeconds(parsed.GetValue(Seconds)));
        if (parsed.GetValue(Json))
        {
            Console.WriteLine(ProfileJson.Write(profile));
            return 0;
        }
        if (Console.IsOutputRedirected) AnsiConsole.Profile.Width = RedirectedWidth;
        ProfileTables.Write(AnsiConsole.Console, profile, device.type == DeviceType.CUDA ? "CUDA device 0" : $"CPU, {get_num_threads()} threads");
        return 0;
    }

    private static (ModelSpec Spec, ModelInput Input) Describe(ParseResult parsed)
    {
        var what = parsed.GetValue(What)!;
        var (classes, size, channels) = (parsed.GetValue(Classes), parsed.GetValue(ImageSize), parsed.GetValue(Channels));
        AtLeast(Classes, 1, classes ?? 1);
        AtLeast(ImageSize, 1, size ?? 1);
        AtLeast(Channels, 1, channels ?? 1);
        if (ModelPresets.TryGet(what, out var preset))
        {
            if (parsed.GetValue(Set) is { Length: > 0 }) throw new UserErrorException("--set: changes settings of a FILE.yaml; a preset's are fixed.");
            return (preset, new ModelInput(channels ?? 3, size ?? 32, size ?? 32, classes ?? 10));
        }
        if (!File.Exists(what))
            throw new UserErrorException($"{what}: is neither a file nor a preset. Presets: {string.Join(", ", ModelPresets.Names)}.");
        var train = TrialResolver.ResolveOnly(SweepFile.Load(what, parsed.GetValue(Set))).Train;
        var known = train.Dataset.Name switch
        {
            "cifar10" => (Classes: 10, Size: 32, Channels: 3),
            "cifar100" => (Classes: 100, Size: 32, Channels: 3),
            "fashion-mnist" => (Classes: 10, Size: 28, Channels: 1),
            _ => (Classes: 0, Size: 0, Channels: 3),
        };
        var edge = size ?? Given(train.Dataset.ImageSize, known.Size);
        return (train.Model, new ModelInput(
            channels ?? Given(train.Dataset.Channels, known.Channels),
            Required(edge, "--image-size", "dataset.image_size"), edge,
            Required(classes ?? known.Classes, "--classes", null)));

        int Required(int value, string option, string? setting) => value > 0
            ? value
            : throw new UserErrorException($"{what}: data set '{train.Dataset.Name}' does not say it by its name: give {option}{(setting is null ? "" : $" or {setting}")}.");
    }

    private static int Given(int setting, int otherwise) => setting > 0 ? setting : otherwise;

    private static void AtLeast(Option option, int least, int value)
    {
        if (value < least) throw new UserErrorException($"{option.Name}: is {value}, must be at least {least}.");
    }
}
