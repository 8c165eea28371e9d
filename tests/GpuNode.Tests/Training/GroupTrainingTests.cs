using System.Text.Json;
using Volley.GpuNode.Collectives;
using Volley.GpuNode.Collectives.Local;
using Volley.GpuNode.Training.Benchmarks;
using Volley.Shared.Config;

namespace Volley.GpuNode.Tests.Training;

/// <summary>Ranks as processes, each with its own generator: everything random is on, on real images.</summary>
public sealed class GroupTrainingTests : IDisposable
{
    private const int Shards = 3;
    private const int Steps = 5;   // more than an epoch

    private static readonly CancellationToken Cancellation = TestContext.Current.CancellationToken;

    private readonly string _data = Directory.CreateTempSubdirectory("volley-group-data-").FullName;

    public void Dispose() => Directory.Delete(_data, recursive: true);

    [Theory]
    [InlineData(TinyTrial.ResNet, false)]
    [InlineData(TinyTrial.Vit, false)]
    [InlineData(TinyTrial.Sdt, false)]
    [InlineData(TinyTrial.Spikformer, false)]
    [InlineData(TinyTrial.ResNet, true)]
    [InlineData(TinyTrial.Sdt, true)]
    [Trait("Category", "Slow")]
    public async Task AnyNumberOfRanks_GivesTheSameBits_WithEverythingRandomOn(string model, bool syncBatchNorm)
    {
        var spec = TinyTrial.Of(model, train => train with { SyncBatchNorm = syncBatchNorm, EmaDecay = 0.9 }) with { Resources = new ResourcesSpec { Ranks = Shards, Device = "cpu" } };
        var alone = Assert.Single(await StatesAsync(spec, ranks: 1));
        for (var ranks = 2; ranks <= Shards; ranks++)
            Assert.All(await StatesAsync(spec, ranks), state => Assert.Equal(alone, state));
    }

    private async Task<List<string>> StatesAsync(TrialSpec spec, int ranks)
    {
        var order = new TrainOrder(ConfigJson.Serialize(spec), Steps, 0, 0, IsAlone: false, IsOverlapped: true, TransportChoice.Auto, 0, BucketBytes: 1024, _data) { BaseDirectory = _data };
        using var group = await LocalGroup.StartAsync(new LocalGroupPlan(ranks, Shards, TrainBenchmark.Name, JsonSerializer.Serialize(order)), Cancellation);
        await group.WaitAsync(Cancellation);
        var states = new List<string>();
        foreach (var rank in group.Ranks) states.Add(JsonSerializer.Deserialize<TrainReport>(await rank.Reports.ReadAsync(Cancellation))!.State);
        return states;
    }
}
