using System.Diagnostics;
using Volley.Shared.Config;
using Volley.TestKit;

namespace Volley.GpuNode.Tests.Data;

public sealed class CifarJpegTests(ITestOutputHelper output)
{
    [Fact]
    [Trait("Category", "Slow")]
    public void TheWholeArchive_IsPreparedInHalfAMinute()
    {
        var archive = SharedFiles.Require("data/cifar10-jpeg.tar.xz");
        using var folder = new DataFolder();
        var watch = Stopwatch.StartNew();

        using var data = folder.Open(DataFolder.Trial(new DatasetSpec { Name = "cifar10", Path = archive }));

        output.WriteLine($"Prepared in {watch.Elapsed.TotalSeconds:F1} s: {data.Description}");
        Assert.Equal((45_000, 5_000, 10_000), (data.TrainImages, data.ValidationImages, data.TestImages));
        Assert.Equal("CIFAR-10 (JPEG copy)", data.Description.Source);
        Assert.Equal(new ModelInput(3, 32, 32, 10), data.Input);
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 120);
    }
}
