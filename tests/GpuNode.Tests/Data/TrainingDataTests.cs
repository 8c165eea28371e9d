using Volley.GpuNode.Data;
using Volley.Shared;
using Volley.Shared.Config;

namespace Volley.GpuNode.Tests.Data;

public sealed class TrainingDataTests : IDisposable
{
    private readonly DataFolder _folder = new();

    [Fact]
    public void Open_FashionSubset_SplitsAndDescribesIt()
    {
        using var data = _folder.Open(DataFolder.Trial(DataFolder.Fashion()));

        Assert.Equal(new ModelInput(1, 28, 28, 10), data.Input);
        Assert.Equal((5400, 600, 1000), (data.TrainImages, data.ValidationImages, data.TestImages));
        Assert.Equal(5400 / 128, data.StepsPerEpoch);
        Assert.Equal("Ankle boot", data.ClassNames[9]);
        Assert.Contains("subset of 6,000 + 1,000", data.Description.Source, StringComparison.Ordinal);
        Assert.Contains("600 validation", data.Description.Split, StringComparison.Ordinal);
        Assert.Matches("^[0-9a-f]{64}$", data.Description.Digest);
    }

    [Fact]
    public void ValidationPart_HoldsEveryClassAlike_AndIsTheSameForAllTrials()
    {
        using var first = _folder.Open(DataFolder.Trial(DataFolder.Fashion(), seed: 1));
        using var second = _folder.Open(DataFolder.Trial(DataFolder.Fashion(), seed: 2));

        var labels = Labels(first, DataPart.Validation);

        Assert.All(labels.CountBy(label => label), group => Assert.Equal(60, group.Value));
        Assert.Equal(Pixels(first, DataPart.Validation), Pixels(second, DataPart.Validation));
    }

    [Fact]
    public void SplitReference_TrainsOnEverything()
    {
        using var data = _folder.Open(DataFolder.Trial(DataFolder.Fashion(spec => spec with { Split = "reference", LimitTest = 100 })));

        Assert.Equal((6000, 0, 100), (data.TrainImages, data.ValidationImages, data.TestImages));
        Assert.Empty(data.Evaluate(DataPart.Validation, 10, TestContext.Current.CancellationToken));
        Assert.StartsWith("reference", data.Description.Split, StringComparison.Ordinal);
        Assert.All(Labels(data, DataPart.Test).CountBy(label => label), group => Assert.Equal(10, group.Value));
    }

    [Fact]
    public void Epochs_VisitEveryImageOnce_InAnotherOrderEach()
    {
        using var data = _folder.Open(DataFolder.Trial(DataFolder.Fashion(spec => spec with { LimitTrain = 500 }), batch: 64, dropLast: false));

        var first = Train(data, epoch: 0).SelectMany(ImagesOf).ToArray();
        var second = Train(data, epoch: 1).SelectMany(ImagesOf).ToArray();

        Assert.Equal(450, first.Length);
        Assert.NotEqual(first, second);
        Assert.Equal(first.Order(), second.Order());
        Assert.Equal(450, first.Distinct().Count());
    }

    [Fact]
    public void LastBatch_IsExact_WithoutDropLast()
    {
        using var data = _folder.Open(DataFolder.Trial(DataFolder.Fashion(spec => spec with { LimitTrain = 500 }), batch: 64, dropLast: false, shards: 3));

        var last = Train(data, 0, shards: [0, 1, 2]).TakeLast(3).ToArray();

        Assert.All(last, batch => Assert.Equal(450 % 64, batch.GlobalCount));
        Assert.Equal([1, 1, 0], last.Select(batch => batch.Labels.Length));
    }

    [Fact]
    public void Shards_TogetherAreTheUnshardedStep()
    {
        var dataset = DataFolder.Fashion(spec => spec with { LimitTrain = 500 });
        using var whole = _folder.Open(DataFolder.Trial(dataset, batch: 50));
        using var parts = _folder.Open(DataFolder.Trial(dataset, batch: 50, shards: 3));

        var expected = Train(whole, 4).First();
        var actual = Train(parts, 4, shards: [0, 1, 2]).Take(3).ToArray();

        Assert.Equal([17, 17, 16], actual.Select(batch => batch.Labels.Length));
        Assert.Equal(expected.Pixels, actual.SelectMany(batch => batch.Pixels));
        Assert.Equal(expected.Labels, actual.SelectMany(batch => batch.Labels));
    }

    [Fact]
    public void DropLast_WithMoreThanThereIs_IsAUserError()
    {
        var error = Assert.Throws<ConfigException>(() => _folder.Open(DataFolder.Trial(DataFolder.Fashion(spec => spec with { LimitTrain = 100 }))));

        Assert.Contains("is 128, but there are 90 training images", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void StoppingInTheMiddle_EndsTheEpoch()
    {
        using var data = _folder.Open(DataFolder.Trial(DataFolder.Fashion()), workers: 2);
        using var stop = new CancellationTokenSource();
        var seen = 0;

        Assert.Throws<OperationCanceledException>(() =>
        {
            foreach (var _ in data.TrainEpoch(0, 0, [0], stop.Token))
                if (++seen == 3) stop.Cancel();
        });

        Assert.Equal(3, seen);
    }

    [Fact]
    public void MissingPath_IsAUserError()
    {
        var error = Assert.Throws<UserErrorException>(() => _folder.Open(DataFolder.Trial(new DatasetSpec { Name = "fashion-mnist", Path = "nowhere" })));

        Assert.Contains("nowhere does not exist", error.Message, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();

    private static List<BatchCopy> Train(TrainingData data, int epoch, int[]? shards = null, int firstStep = 0) =>
        [.. data.TrainEpoch(epoch, firstStep, shards ?? [0], TestContext.Current.CancellationToken).Select(batch => BatchCopy.Of(batch, data.Input))];

    private static IEnumerable<ulong> ImagesOf(BatchCopy batch)
    {
        var size = batch.Pixels.Length / batch.Labels.Length;
        return Enumerable.Range(0, batch.Labels.Length).Select(i => (batch with { Step = 0, GlobalCount = 0, Labels = [batch.Labels[i]], Pixels = batch.Pixels[(i * size)..((i + 1) * size)] }).Hash);
    }

    private static long[] Labels(TrainingData data, DataPart part) =>
        [.. data.Evaluate(part, 100, TestContext.Current.CancellationToken).SelectMany(batch => batch.Labels[..batch.Count])];

    private static ulong[] Pixels(TrainingData data, DataPart part) =>
        [.. data.Evaluate(part, 100, TestContext.Current.CancellationToken).Select(batch => BatchCopy.Of(batch, data.Input).Hash)];
}
