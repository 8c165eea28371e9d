using Volley.Shared.Config;

namespace Volley.GpuNode.Tests.Data.Sources;

public sealed class ImageFolderTests : IDisposable
{
    private readonly DataFolder _folder = new();

    [Fact]
    public void AFolder_IsReadWithItsClassesInAlphabeticalOrder()
    {
        SourceKit.WriteFolder(_folder.At("pets"), SourceKit.TwoClasses());

        using var packed = SourceKit.Prepare(_folder, new DatasetSpec { Name = "images", Path = "pets" });

        Assert.Equal(["cat", "dog"], packed.Header.ClassNames);
        Assert.Equal((3, 2), (packed.Header.TrainImages, packed.Header.TestImages));
        Assert.Equal([0, 0, 1, 0, 1], Enumerable.Range(0, 5).Select(packed.Label));
        Assert.Equal([10, 11, 20, 12, 21], Enumerable.Range(0, 5).Select(image => (int)packed.Pixels(image)[0]));
        Assert.Equal(1, packed.Pixels(2)[2 * 64]);
    }

    [Theory]
    [InlineData("pets.tar")]
    [InlineData("pets.tar.gz")]
    [InlineData("pets.zip")]
    public void AnArchive_InWhateverOrder_HasTheDigestOfItsFolder(string name)
    {
        var files = SourceKit.TwoClasses();
        SourceKit.WriteFolder(_folder.At("pets"), files);
        var turned = files.Reverse().Select(file => ($"pets-master/{file.Key}", file.Value));
        if (name.EndsWith(".zip", StringComparison.Ordinal)) SourceKit.WriteZip(_folder.At(name), turned);
        else SourceKit.WriteTar(_folder.At(name), turned);

        using var fromFolder = SourceKit.Prepare(_folder, new DatasetSpec { Name = "images", Path = "pets" });
        using var fromArchive = SourceKit.Prepare(_folder, new DatasetSpec { Name = "images", Path = name });

        Assert.Equal(fromFolder.Header.ContentSha256, fromArchive.Header.ContentSha256);
    }

    [Fact]
    public void GreyImages_StayOneChannel_UnlessThreeAreWanted()
    {
        SourceKit.WriteFolder(_folder.At("grey"), new() { ["a/1.jpg"] = SourceKit.Jpeg(16, 12, 40), ["b/1.jpg"] = SourceKit.Jpeg(16, 12, 200) });
        var dataset = new DatasetSpec { Name = "images", Path = "grey" };

        using var asIs = SourceKit.Prepare(_folder, dataset);
        using var colour = SourceKit.Prepare(_folder, dataset with { Channels = 3, ImageSize = 8 });

        Assert.Equal((1, 12, 16), (asIs.Header.Channels, asIs.Header.Height, asIs.Header.Width));
        Assert.Equal((3, 8, 8), (colour.Header.Channels, colour.Header.Height, colour.Header.Width));
        Assert.Equal(0, asIs.Header.TestImages);
    }

    [Fact]
    public void WithoutATestFolder_ValIsTheTestPart()
    {
        SourceKit.WriteFolder(_folder.At("pets"), SourceKit.TwoClasses().ToDictionary(file => file.Key.Replace("test/", "val/"), file => file.Value));

        using var packed = SourceKit.Prepare(_folder, new DatasetSpec { Name = "images", Path = "pets" });

        Assert.Equal((3, 2), (packed.Header.TrainImages, packed.Header.TestImages));
    }

    [Fact]
    public void WithBoth_ValJoinsTheTrainingImages()
    {
        var files = SourceKit.TwoClasses();
        files["val/dog/1.png"] = SourceKit.Png(8, 8, 99, 0, 0);
        SourceKit.WriteFolder(_folder.At("pets"), files);

        using var packed = SourceKit.Prepare(_folder, new DatasetSpec { Name = "images", Path = "pets" });

        Assert.Equal((4, 2), (packed.Header.TrainImages, packed.Header.TestImages));
        Assert.Contains("val/ among the training images", packed.Header.Source, StringComparison.Ordinal);
    }

    [Fact]
    public void WithoutParts_ATestPartIsDrawn_TheSameForEveryTrial()
    {
        var files = Enumerable.Range(0, 40).ToDictionary(i => $"{(i % 2 == 0 ? "a" : "b")}/{i:D2}.png", i => SourceKit.Png(4, 4, (byte)i, 1, 2));
        SourceKit.WriteFolder(_folder.At("flat"), files);
        var dataset = new DatasetSpec { Name = "images", Path = "flat", TestFraction = 0.25, ValFraction = 0.2 };

        using var data = _folder.Open(DataFolder.Trial(dataset, batch: 4));

        Assert.Equal((24, 6, 10), (data.TrainImages, data.ValidationImages, data.TestImages));
        Assert.Contains("drawn", data.Description.Split, StringComparison.Ordinal);
    }

    [Fact]
    public void AChangedFolder_IsPreparedAgain()
    {
        SourceKit.WriteFolder(_folder.At("pets"), SourceKit.TwoClasses());
        var dataset = new DatasetSpec { Name = "images", Path = "pets" };
        using (var before = SourceKit.Prepare(_folder, dataset)) Assert.Equal(3, before.Header.TrainImages);
        File.WriteAllBytes(_folder.At("pets", "train", "dog", "2.png"), SourceKit.Png(8, 8, 30, 0, 0));

        using var after = SourceKit.Prepare(_folder, dataset);

        Assert.Equal(4, after.Header.TrainImages);
    }

    public void Dispose() => _folder.Dispose();
}
