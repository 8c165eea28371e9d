using Volley.Shared.Config;
using Volley.Shared.ModelCosts;

namespace Volley.Shared.Tests.ModelCosts;

public sealed class EnergyAccountingTests
{
    private static readonly ModelInput Cifar = new(3, 32, 32, 10);

    [Fact]
    public void Account_OfANetworkWithoutSpikes_IsMacEnergyTimesMacs()
    {
        var counts = ModelCounter.Count(new ResNetSpec { Name = "resnet18" }, Cifar);
        var cost = EnergyAccounting.Cost(counts, new Dictionary<string, double>());
        Assert.Equal(4.6 * 555_422_720, cost.EnergyPj, 1e-3);
        Assert.Equal(0, cost.SynapticOperations);
        Assert.Null(cost.SpikeSparsity);
    }

    [Fact]
    public void Account_OfSdt_FollowsTheReferenceTable()
    {
        // SDT-2-256, T = 4, N = 64, D = 256, every neuron layer at rate 0.1 (reference_tables.md, "Energy accounting").
        var counts = ModelCounter.Count(new SdtSpec { Name = "sdt-2-256" }, Cifar);
        var rates = counts.NeuronLayers.ToDictionary(layer => layer.Name, _ => 0.1);

        var cost = EnergyAccounting.Cost(counts, rates);

        const double first = 884_736, patch = 18_874_368 + 75_497_472 + 75_497_472 + 37_748_736;
        const double nd2 = 64 * 256 * 256;
        var perBlock = 0.1 * 3 * nd2 + 0.2 * 64 * 256 + 0.01 * nd2 + 0.1 * 8 * nd2;   // q, k, v; SDSA; projection of q · mask; MLP
        var accumulates = 4 * (0.1 * patch + 2 * perBlock + 0.1 * 2560);
        Assert.Equal(accumulates, cost.SynapticOperations, 1e-3);
        Assert.Equal(4.6 * 4 * first + 0.9 * accumulates, cost.EnergyPj, 1e-2);
        Assert.Equal(0.9, cost.SpikeSparsity!.Value, 1e-12);
    }

    [Fact]
    public void Account_OfSpikformer_CountsFirstConvolutionAndHeadAsMacs()
    {
        // 5,312,266 MACs without the head's ten biases: T · 1,327,104 + 3,840 (ZK-Zhou/spikformer, issues 16 and 23).
        var counts = ModelCounter.Count(new SpikformerSpec { Name = "spikformer-4-384", Depth = 4, EmbedDim = 384, Heads = 12 }, Cifar);
        var sheet = EnergyAccounting.Account(counts, counts.NeuronLayers.ToDictionary(layer => layer.Name, _ => 0.0));
        Assert.Equal(5_312_256, sheet.MultiplyAccumulates);
        Assert.Equal(0, sheet.SynapticOperations);
    }

    [Fact]
    public void Account_PrefersTheRateMeasuredAtTheLayer()
    {
        var counts = ModelCounter.Count(new SdtSpec { Name = "sdt" }, Cifar);
        var rates = counts.NeuronLayers.ToDictionary(layer => layer.Name, _ => 0.1);
        rates["patch_embed.rpe_conv"] = 0.3;
        var layer = EnergyAccounting.Account(counts, rates).Layers.Single(l => l.Layer.Name == "patch_embed.rpe_conv");
        Assert.Equal(0.3, layer.Rate);
        Assert.Equal(4 * 37_748_736 * 0.3 * 0.9, layer.EnergyPj, 1e-3);
    }

    [Fact]
    public void Account_NamesTheRateThatIsMissing()
    {
        var counts = ModelCounter.Count(new SdtSpec { Name = "sdt" }, Cifar);
        Assert.Contains("patch_embed.proj_lif", Assert.Throws<ArgumentException>(() => EnergyAccounting.Account(counts, new Dictionary<string, double>())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void MeanFiringRate_WeighsLayersByTheirNeurons()
    {
        var counts = ModelCounter.Count(new SdtSpec { Name = "sdt" }, Cifar) with { NeuronLayers = [new("a", 3), new("b", 1)] };
        Assert.Equal(0.25, EnergyAccounting.MeanFiringRate(counts, new Dictionary<string, double> { ["a"] = 0, ["b"] = 1 }));
    }
}
