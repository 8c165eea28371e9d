using System.Text.Json.Serialization;
using TorchSharp;
using Volley.Models;
using Volley.Models.Safetensors;
using Volley.Shared;
using Volley.Shared.Config;
using Volley.Shared.ModelCosts;
using static TorchSharp.torch;

namespace Volley.GpuNode.Checking;

/// <summary>Builds the network that a golden file's metadata describes, with the file's starting state.</summary>
internal static class GoldenModel
{
    /// <summary>The file's <c>config</c>, every key that some family has. A key that is not here is an error: it could change the network.</summary>
    private sealed record Config
    {
        public int Batch { get; init; }
        public int NumClasses { get; init; } = 10;
        public int Width { get; init; } = 64;
        public int[] Blocks { get; init; } = [2, 2, 2, 2];
        public int PatchSize { get; init; } = 4;
        public int EmbedDims { get; init; } = 256;
        public int Depths { get; init; } = 2;
        public int NumHeads { get; init; } = 8;
        public double MlpRatio { get; init; } = 4;
        [JsonPropertyName("T")]
        public int T { get; init; } = 4;
        public string PoolingStat { get; init; } = "0011";
        public string SpikeMode { get; init; } = "lif";
    }

    public static (ModelSpec Spec, ModelInput Input) Describe(GoldenFile file)
    {
        var config = file.MetadataJson<Config>("config");
        var image = file.Shape("input");
        if (image.Length != 4) throw new UserErrorException($"{file.Path}: 'input' has shape [{string.Join(",", image)}], must be [B,C,H,W].");
        var input = new ModelInput((int)image[1], (int)image[2], (int)image[3], config.NumClasses);
        ModelSpec spec = file.Metadata("family") switch
        {
            "resnet" => new ResNetSpec { Name = "resnet18", Width = config.Width, Blocks = config.Blocks },
            "vit" => new VitSpec
            {
                Name = "vit", Patch = config.PatchSize, EmbedDim = config.EmbedDims, Depth = config.Depths, Heads = config.NumHeads, MlpRatio = config.MlpRatio,
            },
            "sdt" => new SdtSpec
            {
                Name = "sdt", TimeSteps = config.T, EmbedDim = config.EmbedDims, Depth = config.Depths, Heads = config.NumHeads, MlpRatio = config.MlpRatio,
                PoolingStat = config.PoolingStat, Neuron = config.SpikeMode,
            },
            "spikformer" => new SpikformerSpec
            {
                Name = "spikformer", TimeSteps = config.T, EmbedDim = config.EmbedDims, Depth = config.Depths, Heads = config.NumHeads, MlpRatio = config.MlpRatio,
                Neuron = config.SpikeMode,
            },
            var other => throw new UserErrorException($"{file.Path}: metadata 'family' is '{other}', must be resnet, vit, sdt or spikformer."),
        };
        return (spec, input);
    }

    /// <returns>In the type asked for, with the file's state, in training mode. The caller's to dispose.</returns>
    public static ImageClassifier Build(GoldenFile file, ScalarType type)
    {
        var (spec, input) = Describe(file);
        // Before any memory is taken: a config that has nothing to do with the state must not decide how much.
        ModelRegistry.Check(spec, input);
        var described = ModelCounter.Count(spec, input).Parameters;
        var stored = file.Below("state/").Sum(name => file.Tensors.Entry("state/" + name).Elements);
        if (described > stored)
            throw new UserErrorException($"{file.Path}: its config describes a network with {described:N0} parameters, its state holds {stored:N0} numbers, buffers included.");
        var model = ModelRegistry.Create(spec, input, seed: 0);
        if (type == ScalarType.Float64) model.to(ScalarType.Float64);
        ModuleState.Load(model, file.Tensors, "state/");
        file.MarkUsed("state/");
        return model;
    }
}
