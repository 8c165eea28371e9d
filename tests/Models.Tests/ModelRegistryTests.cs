using Volley.Models.Safetensors;
using Volley.Shared.Config;
using Volley.Shared.ModelCosts;
using static TorchSharp.torch;

namespace Volley.Models.Tests;

[Collection(nameof(GlobalGenerator))]
public sealed class ModelRegistryTests
{
    private static readonly ModelInput Cifar = new(3, 32, 32, 10);

    public static TheoryData<ModelSpec, ModelInput> Configurations => new()
    {
        { new ResNetSpec { Name = "resnet18", Width = 5 }, Cifar },
        { new ResNetSpec { Name = "resnet18", Width = 4, Blocks = [1, 2, 3, 1] }, new(1, 28, 28, 7) },
        { new ResNetSpec { Name = "resnet18", Width = 4 }, new(3, 17, 45, 2) },
        { new VitSpec { Name = "vit", EmbedDim = 48, Depth = 3, Heads = 4, Patch = 7, MlpRatio = 2.5 }, new(1, 28, 56, 3) },
        { new SdtSpec { Name = "sdt", EmbedDim = 48, Depth = 2, Heads = 4, TimeSteps = 2, MlpRatio = 1 }, Cifar },
        { new SdtSpec { Name = "sdt", EmbedDim = 16, Depth = 1, Heads = 2, TimeSteps = 1, Neuron = "plif", PoolingStat = "1111" }, new(1, 28, 30, 5) },
        { new SdtSpec { Name = "sdt", EmbedDim = 16, Depth = 1, Heads = 2, TimeSteps = 3, Neuron = "if", Encoder = "latency", PoolingStat = "1001" }, Cifar },
        { new SpikformerSpec { Name = "spikformer", EmbedDim = 32, Depth = 2, Heads = 4, TimeSteps = 2 }, new(1, 28, 28, 4) },
        { new SpikformerSpec { Name = "spikformer", EmbedDim = 16, Depth = 1, Heads = 2, TimeSteps = 2, Neuron = "plif", MlpRatio = 1 }, Cifar },
    };

    [Theory]
    [MemberData(nameof(Configurations))]
    public void Create_MakesWhatTheCountsSay_AndAForwardOfTheRightShape(ModelSpec spec, ModelInput input)
    {
        using var scope = NewDisposeScope();
        using var model = ModelRegistry.Create(spec, input, seed: 1);
        var counts = ModelCounter.Count(spec, input);

        Assert.Equal(counts.Parameters, model.parameters().Sum(p => p.numel()));
        Assert.Equal(counts.UnusedParameters, model.named_parameters().Where(p => model.UnusedParameters.Contains(p.name)).Sum(p => p.parameter.numel()));
        Assert.Equal(counts.TimeSteps, model.TimeSteps);
        Assert.Equal([2L, input.Classes], model.call(randn(2, input.Channels, input.Height, input.Width)).shape);

        var neurons = new Dictionary<string, long>();
        model.IsObserved = true;
        foreach (var (name, layer) in model.NeuronLayers)
            layer.register_forward_hook((_, _, spikes) =>
            {
                neurons[name] = spikes.numel() / (2L * model.TimeSteps);
                return spikes;
            });
        model.call(randn(2, input.Channels, input.Height, input.Width));
        Assert.Equal(counts.NeuronLayers.ToDictionary(layer => layer.Name, layer => layer.Neurons), neurons);
    }

    [Theory]
    [MemberData(nameof(Configurations))]
    public void Create_GivesTheSameWeights_ForTheSameSeed(ModelSpec spec, ModelInput input)
    {
        using var scope = NewDisposeScope();
        using var one = ModelRegistry.Create(spec, input, seed: 5);
        _ = rand(3);   // whatever was drawn before must not matter
        using var same = ModelRegistry.Create(spec, input, seed: 5);
        using var other = ModelRegistry.Create(spec, input, seed: 6);
        Assert.Equal(Bytes(one), Bytes(same));
        Assert.NotEqual(Bytes(one), Bytes(other));
    }

    [Fact]
    public void Create_KnowsEveryPreset()
    {
        Assert.All(ModelPresets.Names, name =>
        {
            Assert.True(ModelPresets.TryGet(name, out var spec));
            using var scope = NewDisposeScope();
            using var model = ModelRegistry.Create(spec, Cifar, seed: 1);
            Assert.Equal(ModelCounter.Count(spec, Cifar).Parameters, model.parameters().Sum(p => p.numel()));
        });
    }

    [Fact]
    public void Create_ReportsEveryProblem_InOnePass()
    {
        var error = Assert.Throws<ConfigException>(() => ModelRegistry.Create(
            new VitSpec { Name = "vit", EmbedDim = 50, Heads = 4, Patch = 5, DropPath = 1.5, Dropout = -1 }, Cifar, seed: 1));
        Assert.Equal(["model.dropout", "model.heads", "model.drop_path", "model.patch"], error.Problems.Select(p => p.Key));
    }

    [Fact]
    public void Initialization_OfVit_IsTheReferences()
    {
        using var scope = NewDisposeScope();
        using var model = ModelRegistry.Create(new VitSpec { Name = "vit", EmbedDim = 192, Depth = 2, Heads = 4 }, Cifar, seed: 1);
        var state = model.state_dict();
        Assert.Equal(0.02, state["blocks.0.mlp.fc1.weight"].std().item<float>(), 0.0005);
        Assert.Equal(0.02, state["pos_embed"].std().item<float>(), 0.001);
        Assert.Equal(0, state["blocks.1.attn.qkv.bias"].abs().max().item<float>());
        Assert.InRange(state["cls_token"].std().item<float>(), 0.5e-6, 2e-6);
        // libtorch's default for the patch convolution: uniform in ±1/√fan-in.
        Assert.InRange(state["patch_embed.proj.weight"].abs().max().item<float>(), 0.9 / Math.Sqrt(48), 1 / Math.Sqrt(48));
    }

    [Fact]
    public void Initialization_OfTheSpikingModels_IsTheReferences()
    {
        using var scope = NewDisposeScope();
        using var sdt = ModelRegistry.Create(new SdtSpec { Name = "sdt", EmbedDim = 64, Heads = 4 }, Cifar, seed: 1);
        using var spikformer = ModelRegistry.Create(new SpikformerSpec { Name = "spikformer", EmbedDim = 64, Heads = 4 }, Cifar, seed: 1);
        Assert.Equal(0.02, sdt.state_dict()["patch_embed.rpe_conv.weight"].std().item<float>(), 0.001);
        Assert.Equal(0, sdt.state_dict()["block.0.mlp.fc1_conv.bias"].abs().max().item<float>());
        Assert.True(sdt.state_dict()["head.weight"].abs().max().item<float>() is > 0.1f and <= 0.125f);   // default: ±1/√64
        Assert.Equal(0.02, spikformer.state_dict()["block.0.attn.q_linear.weight"].std().item<float>(), 0.001);
        Assert.Equal(1 / Math.Sqrt(3 * 9 * 64), spikformer.state_dict()["patch_embed.rpe_conv.weight"].std().item<float>(), 0.001);
    }

    private static byte[] Bytes(ImageClassifier model)
    {
        using var stream = new MemoryStream();
        SafetensorsWriter.Write(stream, ModuleState.ToHost(model));
        return stream.ToArray();
    }
}
