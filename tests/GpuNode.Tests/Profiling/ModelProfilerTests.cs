using System.Text.Json;
using Volley.GpuNode.Profiling;
using Volley.Models;
using Volley.Shared.Config;
using Volley.Shared.ModelCosts;

namespace Volley.GpuNode.Tests.Profiling;

public sealed class ModelProfilerTests
{
    private static readonly ModelInput Cifar = new(3, 32, 32, 10);

    [Fact]
    public void Profile_OfANetworkWithoutSpikes_HasTheCountsAndTheirEnergy()
    {
        var spec = new ResNetSpec { Name = "resnet18", Width = 8 };
        using var model = ModelRegistry.Create(spec, Cifar, seed: 1);

        var profile = ModelProfiler.Profile(model, spec, Cifar, isTrained: false, batch: 4, TimeSpan.FromMilliseconds(50));
        using var json = JsonDocument.Parse(ProfileJson.Write(profile));

        var counts = ModelCounter.Count(spec, Cifar);
        Assert.Equal(counts.Parameters, json.RootElement.GetProperty("parameters").GetInt64());
        Assert.Equal(counts.Macs, json.RootElement.GetProperty("macs").GetInt64());
        Assert.Equal(4.6 * counts.Macs, json.RootElement.GetProperty("energy_pj").GetDouble(), 1e-3);
        Assert.True(json.RootElement.GetProperty("latency_ms_p50").GetDouble() > 0);
        Assert.True(json.RootElement.GetProperty("latency_ms_p95").GetDouble() >= json.RootElement.GetProperty("latency_ms_p50").GetDouble());
        Assert.Equal(counts.Layers.Length, json.RootElement.GetProperty("layers").GetArrayLength());
        Assert.Equal(JsonValueKind.Null, json.RootElement.GetProperty("firing_rate").ValueKind);
    }

    [Fact]
    public void Cost_RefusesASpecificationOfAnotherNetwork()
    {
        using var model = ModelRegistry.Create(new ResNetSpec { Name = "resnet18", Width = 8 }, Cifar, seed: 1);
        var error = Assert.Throws<InvalidOperationException>(
            () => ModelProfiler.Cost(model, new ResNetSpec { Name = "resnet18", Width = 16 }, Cifar, new Dictionary<string, double>()));
        Assert.Contains("parameters", error.Message, StringComparison.Ordinal);
    }
}
