using Volley.Shared;
using Volley.Shared.Config;

namespace Volley.GpuNode.Tests.Data.Sources;

public sealed class ImageTableTests : IDisposable
{
    private readonly DataFolder _folder = new();

    [Fact]
    public void SeveralLabels_BecomeRowsOfZerosAndOnes()
    {
        WritePosters(""""
            Id,Title,Genre
            p1,"Alien, again",Horror|SciFi
            p2,"He said ""no""",Drama
            p3,Nothing,
            sub/p4,Four,Drama|Horror
            """");

        using var packed = SourceKit.Prepare(_folder, Posters());

        Assert.True(packed.Header.MultiLabel);
        Assert.Equal(["Drama", "Horror", "SciFi"], packed.Header.ClassNames);
        Assert.Equal(["011", "100", "000", "110"], Enumerable.Range(0, 4).Select(image => string.Concat(packed.LabelRow(image).ToArray())));
        Assert.Equal([1, 2, 3, 4], Enumerable.Range(0, 4).Select(image => (int)packed.Pixels(image)[0]));
    }

    [Fact]
    public void PythonLists_AreRead()
    {
        WritePosters("Id,Genre\np1,\"['Horror', 'SciFi']\"\np2,['Drama']\n");

        using var packed = SourceKit.Prepare(_folder, Posters() with { LabelSeparator = "," });

        Assert.Equal(["Drama", "Horror", "SciFi"], packed.Header.ClassNames);
    }

    [Fact]
    public void OneLabelEach_IsPlainClassification_AndASplitColumnMakesTheTestPart()
    {
        WritePosters("Id,Genre,split\np1,b,train\np2,a,train\np3,b,test\n");

        using var packed = SourceKit.Prepare(_folder, Posters());

        Assert.False(packed.Header.MultiLabel);
        Assert.Equal((2, 1), (packed.Header.TrainImages, packed.Header.TestImages));
        Assert.Equal([1, 0, 1], Enumerable.Range(0, 3).Select(packed.Label));
    }

    [Fact]
    public void AnArchive_GivesTheSame()
    {
        WritePosters("Id,Genre\np1,a|b\nsub/p4,b\n");
        SourceKit.WriteZip(_folder.At("posters.zip"), [("top/sub/p4.png", File.ReadAllBytes(_folder.At("sub", "p4.png"))), ("top/unused.png", [1]), ("top/p1.png", File.ReadAllBytes(_folder.At("p1.png")))]);

        using var fromFolder = SourceKit.Prepare(_folder, Posters());
        using var fromArchive = SourceKit.Prepare(_folder, Posters() with { Path = "posters.zip" });

        Assert.Equal(fromFolder.Header.ContentSha256, fromArchive.Header.ContentSha256);
    }

    [Fact]
    public void Batches_CarryTheLabelsAsTargets()
    {
        WritePosters("Id,Genre\np1,a|b\np2,b\np3,\nsub/p4,a\n");

        using var data = _folder.Open(DataFolder.Trial(Posters() with { TestFraction = 0, ValFraction = 0 }, batch: 4));
        var batch = data.TrainEpoch(0, 0, [0], TestContext.Current.CancellationToken).Select(one => BatchCopy.Of(one, data.Input)).Single();

        Assert.All(batch.Labels, label => Assert.Equal(-1, label));
        Assert.Equal(["0,0", "0,1", "1,0", "1,1"], batch.Targets!.Chunk(2).Select(row => string.Join(',', row)).Order(StringComparer.Ordinal));
        Assert.True(data.Input.MultiLabel);
    }

    [Theory]
    [InlineData("Id,Genre\np1,a\np9,b\n", "posters.csv:3: p9 is not in")]
    [InlineData("Id,Genre\np1,a\np1,b\n", "posters.csv:3: p1 was named in line 2")]
    [InlineData("Id,Genre\np1,a\np2,\n", "posters.csv:3: p2 has no label")]
    [InlineData("Id,Genre\np1,a\n../p2,b\n", "posters.csv:3: the file name '../p2'")]
    [InlineData("Id,Genre\np1,a\np2\n", "posters.csv:3: has 1 cells, the first row has 2")]
    [InlineData("Id,Genre\np1,\"a\np2,b\n", "posters.csv:2: a quote is not closed")]
    [InlineData("Id,Kind\np1,a\np2,b\n", "no column 'Genre' (dataset.label_column); its columns are Id, Kind")]
    [InlineData("Id,Genre,split\np1,a,train\np2,b,later\n", "posters.csv:3: split is 'later'")]
    [InlineData("Id,Genre\np1,a\np2,a\n", "has 1 different labels")]
    [InlineData("Id,Genre\n", "has 1 rows")]
    [InlineData("", "has 0 rows")]
    public void ABadTable_IsExplainedWithItsLine(string table, string expected)
    {
        WritePosters(table);

        var error = Assert.ThrowsAny<UserErrorException>(() => SourceKit.Prepare(_folder, Posters()));

        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ATableInAnotherEncoding_IsExplained()
    {
        File.WriteAllBytes(_folder.At("posters.csv"), [(byte)'I', (byte)'d', 0xE4, 0xFF, (byte)'\n']);

        var error = Assert.Throws<UserErrorException>(() => SourceKit.Prepare(_folder, Posters()));

        Assert.Contains("not UTF-8", error.Message, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();

    private static DatasetSpec Posters() => new() { Name = "images-csv", Csv = "posters.csv", FileColumn = "Id", LabelColumn = "Genre" };

    private void WritePosters(string table)
    {
        SourceKit.WriteFolder(_folder.Root, new()
        {
            ["p1.png"] = SourceKit.Png(8, 8, 1, 0, 0),
            ["p2.png"] = SourceKit.Png(8, 8, 2, 0, 0),
            ["p3.png"] = SourceKit.Png(8, 8, 3, 0, 0),
            ["sub/p4.png"] = SourceKit.Png(8, 8, 4, 0, 0),
        });
        File.WriteAllText(_folder.At("posters.csv"), table);
    }
}
