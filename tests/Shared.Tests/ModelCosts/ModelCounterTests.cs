using System.Text.Json;
using Volley.Shared.Config;
using Volley.Shared.ModelCosts;
using Volley.TestKit;

namespace Volley.Shared.Tests.ModelCosts;

public sealed class ModelCounterTests
{
    [Fact]
    public void Count_EqualsTheReferences_ForEveryPublishedConfiguration()
    {
        using var golden = JsonDocument.Parse(File.ReadAllText(SharedFiles.Require("golden/counts.json")));
        var entries = golden.RootElement.EnumerateObject().ToArray();
        Assert.Equal(26, entries.Length);
        Assert.All(entries, entry => CompareWith(entry.Name, entry.Value));
    }

    private static void CompareWith(string key, JsonElement golden)
    {
        var parts = key.Split('/');   // "SDT-2-256/CIFAR-10/plif", "ViT-2-256-p4/CIFAR-10"
        var name = parts[0].ToLowerInvariant().Replace("-p4", "", StringComparison.Ordinal).Replace("resnet-18", "resnet18", StringComparison.Ordinal);
        Assert.True(ModelPresets.TryGet(name, out var spec), name);
        if (parts is [_, _, "plif"]) spec = (SdtSpec)spec with { Neuron = "plif" };
        var classes = golden.GetProperty("config").GetProperty("num_classes").GetInt32();
        if (spec is TransformerSpec transformer) Assert.Equal(golden.GetProperty("config").GetProperty("num_heads").GetInt32(), transformer.Heads);

        var counts = ModelCounter.Count(spec, new ModelInput(3, 32, 32, classes));

        Assert.Equal(golden.GetProperty("params").GetInt64(), counts.Parameters);
        Assert.Equal(golden.GetProperty("params_never_used_in_forward").GetInt64(), counts.UnusedParameters);
        Assert.Equal(golden.GetProperty(counts.IsSpiking ? "macs_total_all_steps" : "macs_total").GetInt64(), counts.Macs);
        var perLayer = golden.GetProperty(counts.IsSpiking ? "macs_per_image_per_time_step" : "macs_per_image").EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetInt64());
        var weightLayers = counts.Layers.Where(layer => layer.IsWeightLayer && !layer.Name.EndsWith(".q_kT", StringComparison.Ordinal) && !layer.Name.EndsWith(".attn_v", StringComparison.Ordinal));
        Assert.Equal(perLayer, weightLayers.ToDictionary(layer => layer.Name, layer => layer.OperationsPerCall));
        if (golden.TryGetProperty("attention_matmul_macs", out var products))
            Assert.Equal(products.GetInt64(), counts.Layers.Where(layer => layer.Name.EndsWith(".q_kT", StringComparison.Ordinal) || layer.Name.EndsWith(".attn_v", StringComparison.Ordinal)).Sum(layer => layer.Operations));
        if (spec is SpikformerSpec)
            Assert.Equal(golden.GetProperty("attention_per_block_per_step").GetProperty("q_kT").GetInt64(), counts.Layers.First(layer => layer.Name.EndsWith(".q_kT", StringComparison.Ordinal)).OperationsPerCall);
        if (spec is SdtSpec)
            Assert.Equal(golden.GetProperty("attention_per_block_per_step").GetProperty("q_mask").GetInt64(), counts.Layers.First(layer => layer.Name.EndsWith(".sdsa", StringComparison.Ordinal)).OperationsPerCall);
    }

    [Fact]
    public void Count_NamesEveryRateItNeeds_AmongItsOwnNeuronLayers()
    {
        foreach (var name in ModelPresets.Names)
        {
            Assert.True(ModelPresets.TryGet(name, out var spec));
            var counts = ModelCounter.Count(spec, new ModelInput(3, 32, 32, 10));
            var neurons = counts.NeuronLayers.Select(layer => layer.Name).ToHashSet();
            Assert.Equal(counts.NeuronLayers.Length, neurons.Count);
            Assert.All(counts.Layers.SelectMany(layer => layer.RateOf), source => Assert.Contains(source, neurons));
            Assert.All(counts.Layers.Where(layer => layer.Kind == OperationKind.Accumulate), layer => Assert.NotEmpty(layer.RateOf));
        }
    }
}
