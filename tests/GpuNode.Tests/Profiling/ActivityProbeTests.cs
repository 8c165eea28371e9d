using System.Text.Json;
using Volley.GpuNode.Profiling;
using Volley.Models;
using Volley.Shared.Config;
using Volley.Shared.ModelCosts;
using static TorchSharp.torch;

namespace Volley.GpuNode.Tests.Profiling;

public sealed class ActivityProbeTests
{
    private static readonly ModelInput Input = new(3, 32, 32, 10);

    public static TheoryData<ModelSpec> Spiking =>
    [
        new SdtSpec { Name = "sdt", EmbedDim = 32, Depth = 1, Heads = 4, TimeSteps = 2 },
        new SdtSpec { Name = "sdt", EmbedDim = 32, Depth = 1, Heads = 4, TimeSteps = 2, Encoder = "poisson", PoolingStat = "1101" },
        new SpikformerSpec { Name = "spikformer", EmbedDim = 32, Depth = 2, Heads = 4, TimeSteps = 2 },
    ];

    [Theory]
    [MemberData(nameof(Spiking))]
    public void Rates_CoverEveryNeuronLayerAndEveryLayerThatSpikesDrive(ModelSpec spec)
    {
        using var scope = NewDisposeScope();
        using var model = ModelRegistry.Create(spec, Input, seed: 3);
        using var probe = ActivityProbe.Attach(model);
        using (no_grad()) model.call(randn(2, 3, 32, 32));

        var rates = probe.Rates();

        var counts = ModelCounter.Count(spec, Input);
        Assert.All(counts.NeuronLayers, layer => Assert.InRange(rates[layer.Name], 0, 1));
        Assert.All(counts.Layers.Where(layer => layer.IsWeightLayer), layer => Assert.Contains(layer.Name, rates.Keys));
        Assert.True(EnergyAccounting.Cost(counts, rates).SynapticOperations > 0);
    }

    [Fact]
    public void FiringRatesByTimeStep_AverageToTheLayersRate_AndFollowTheCharge()
    {
        var spec = new SdtSpec { Name = "sdt", EmbedDim = 32, Depth = 1, Heads = 4, TimeSteps = 4 };
        using var scope = NewDisposeScope();
        using var model = ModelRegistry.Create(spec, Input, seed: 3);
        using var probe = ActivityProbe.Attach(model);
        using (no_grad())
        {
            model.call(randn(2, 3, 32, 32));
            model.call(randn(3, 3, 32, 32));
        }

        var (rates, byTimeStep) = (probe.Rates(), probe.FiringRatesByTimeStep());

        Assert.Equal(model.NeuronLayers.Select(layer => layer.Name).Order(), byTimeStep.Keys.Order());
        Assert.All(byTimeStep, layer => Assert.Equal(4, layer.Value.Length));
        Assert.All(byTimeStep, layer => Assert.Equal(rates[layer.Key], layer.Value.Average(), 1e-12));
        // The membrane starts at rest and an image is the same at each time step: the first layer fires more once it is charged.
        var first = byTimeStep[model.NeuronLayers[0].Name];
        Assert.True(first[1] > first[0], $"{first[0]} then {first[1]}");
    }

    [Fact]
    public void Rates_BehindAPool_AreHigherThanAtTheNeurons()
    {
        var spec = new SpikformerSpec { Name = "spikformer", EmbedDim = 32, Depth = 1, Heads = 4, TimeSteps = 2 };
        using var scope = NewDisposeScope();
        using var model = ModelRegistry.Create(spec, Input, seed: 3);
        using var probe = ActivityProbe.Attach(model);
        using (no_grad()) model.call(randn(2, 3, 32, 32));
        var rates = probe.Rates();
        Assert.True(rates["patch_embed.proj_conv3"] > rates["patch_embed.proj_lif2"]);
        Assert.Equal(rates["patch_embed.proj_lif"], rates["patch_embed.proj_conv1"], 1e-12);   // no pool between these two
        // The first block's stream: position spikes plus the pooled spikes of the last stage.
        Assert.Equal(rates["patch_embed.rpe_conv"] + rates["patch_embed.rpe_lif"], rates["block.0.attn.q_linear"], 1e-9);
    }

    [Fact]
    public void Probe_LeavesTheNetworkAsItWas()
    {
        var spec = new SdtSpec { Name = "sdt", EmbedDim = 32, Depth = 1, Heads = 4, TimeSteps = 2 };
        using var scope = NewDisposeScope();
        using var off = no_grad();
        using var model = ModelRegistry.Create(spec, Input, seed: 3);
        model.eval();
        var images = randn(2, 3, 32, 32);
        var before = model.call(images);
        ModelProfiler.Profile(model, spec, Input, isTrained: false, batch: 2, TimeSpan.FromMilliseconds(1));
        Assert.False(model.IsObserved);
        Assert.False(model.training);
        Assert.True(model.call(images).eq(before).all().item<bool>());
    }

    [Fact]
    public void Profile_OfASpikingNetwork_ListsRatesAndSparsity()
    {
        var spec = new SdtSpec { Name = "sdt", EmbedDim = 32, Depth = 1, Heads = 4, TimeSteps = 2 };
        using var model = ModelRegistry.Create(spec, Input, seed: 3);
        using var json = JsonDocument.Parse(ProfileJson.Write(ModelProfiler.Profile(model, spec, Input, isTrained: false, batch: 2, TimeSpan.FromMilliseconds(1))));
        var root = json.RootElement;
        Assert.Equal(1 - root.GetProperty("firing_rate").GetDouble(), root.GetProperty("spike_sparsity").GetDouble(), 1e-12);
        Assert.Equal(model.NeuronLayers.Select(layer => layer.Name), root.GetProperty("neuron_layers").EnumerateArray().Select(layer => layer.GetProperty("name").GetString()));
        Assert.InRange(root.GetProperty("firing_rate").GetDouble(), 0.01, 0.9);
        Assert.All(root.GetProperty("neuron_layers").EnumerateArray(), layer => Assert.Equal(2, layer.GetProperty("firing_rate_by_time_step").GetArrayLength()));
        Assert.Equal(root.GetProperty("layers").EnumerateArray().Sum(layer => layer.GetProperty("energy_pj").GetDouble()), root.GetProperty("energy_pj").GetDouble(), 1e-3);
        Assert.Contains("untrained", root.GetProperty("rates_from").GetString(), StringComparison.Ordinal);
    }
}
