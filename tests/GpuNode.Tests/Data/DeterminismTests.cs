using Volley.GpuNode.Data;
using Volley.Shared.Config;

namespace Volley.GpuNode.Tests.Data;

/// <summary>DESIGN §4: a batch follows from (seed, epoch, step, shard), whoever makes it, whenever.</summary>
public sealed class DeterminismTests : IDisposable
{
    private static readonly AugmentSpec Everything = new()
    {
        Crop = 3,
        Flip = true,
        Cutout = 5,
        RandomErasing = 0.25,
        Randaugment = "rand-m9-n1-mstd0.4-inc1",
        Mixup = 0.5,
        Cutmix = 1,
    };

    private readonly DataFolder _folder = new();

    [Theory]
    [InlineData(2)]
    [InlineData(5)]
    public void TheNumberOfWorkers_DoesNotShow(int workers)
    {
        var trial = Trial(shards: 2);
        using var one = _folder.Open(trial, workers: 1);
        using var several = _folder.Open(trial, workers);

        Assert.Equal(Hashes(one, 1, 0, [0, 1]), Hashes(several, 1, 0, [0, 1]));
    }

    [Fact]
    public void AnyStartStep_GivesTheSameRest()
    {
        using var data = _folder.Open(Trial(shards: 2));
        var whole = Hashes(data, 2, 0, [0, 1]);

        foreach (var start in (int[])[1, 4, data.StepsPerEpoch - 1, data.StepsPerEpoch])
            Assert.Equal(whole.Skip(2 * start), Hashes(data, 2, start, [0, 1]));
    }

    [Fact]
    public void AShard_IsTheSame_WhereverAndInWhateverOrderItIsComputed()
    {
        using var data = _folder.Open(Trial(shards: 3));
        var together = Hashes(data, 0, 0, [0, 1, 2]);
        var alone = Hashes(data, 0, 0, [1]);
        var otherOrder = Hashes(data, 0, 0, [2, 0]);

        Assert.Equal(together.Where((_, i) => i % 3 == 1), alone);
        Assert.Equal(Enumerable.Range(0, data.StepsPerEpoch).SelectMany(step => new[] { together[3 * step + 2], together[3 * step] }), otherOrder);
    }

    [Fact]
    public void MixedImages_DoNotDependOnTheNumberOfShards()
    {
        using var whole = _folder.Open(Trial(shards: 1));
        using var parts = _folder.Open(Trial(shards: 4));

        var expected = Copies(whole, 0, [0]);
        var actual = Copies(parts, 0, [0, 1, 2, 3]).Chunk(4).ToArray();

        Assert.Equal(expected.Length, actual.Length);
        foreach (var (step, shards) in expected.Zip(actual))
        {
            Assert.Equal(step.Pixels, shards.SelectMany(shard => shard.Pixels));
            Assert.Equal(step.Targets!, shards.SelectMany(shard => shard.Targets!));
        }
    }

    [Fact]
    public void AnotherSeed_GivesOtherBatches()
    {
        using var first = _folder.Open(Trial(1));
        using var second = _folder.Open(Trial(1) with { Seed = 6 });

        Assert.Empty(Hashes(first, 0, 0, [0]).Intersect(Hashes(second, 0, 0, [0])));
    }

    [Fact]
    public void AKnownBatch_KeepsItsNumbers()
    {
        // The numbers of a release: a change here changes every result that was ever published with it.
        using var data = _folder.Open(Trial(shards: 1));

        var first = Copies(data, 0, [0])[0];

        Assert.Equal("616e1334fded92db", first.Hash.ToString("x16"));
    }

    public void Dispose() => _folder.Dispose();

    private static TrialSpec Trial(int shards) =>
        DataFolder.Trial(DataFolder.Fashion(spec => spec with { LimitTrain = 600, Channels = 3 }), Everything, batch: 50, dropLast: false, shards: shards, smoothing: 0.1);

    private static BatchCopy[] Copies(TrainingData data, int epoch, int[] shards) =>
        [.. data.TrainEpoch(epoch, 0, shards, TestContext.Current.CancellationToken).Select(batch => BatchCopy.Of(batch, data.Input))];

    private static ulong[] Hashes(TrainingData data, int epoch, int start, int[] shards) =>
        [.. data.TrainEpoch(epoch, start, shards, TestContext.Current.CancellationToken).Select(batch => BatchCopy.Of(batch, data.Input).Hash)];
}
