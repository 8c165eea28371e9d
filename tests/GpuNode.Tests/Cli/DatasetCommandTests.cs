using Volley.GpuNode.Cli;
using Volley.GpuNode.Data.Packed;
using Volley.GpuNode.Tests.Data;
using Volley.GpuNode.Tests.Data.Sources;
using Volley.Shared;
using Volley.Shared.Cli;

namespace Volley.GpuNode.Tests.Cli;

/// <summary>volley dataset, as it is typed.</summary>
public sealed class DatasetCommandTests : IDisposable
{
    private readonly DataFolder _folder = new();

    [Fact]
    public async Task Prepare_WritesTheFileThatIsAskedFor()
    {
        SourceKit.WriteFolder(_folder.At("pets"), SourceKit.TwoClasses());

        var code = await RunAsync("prepare", _folder.At("pets"), "--out", _folder.At("out", "pets.volley"), "--image-size", "16", "--channels", "1", "--data-root", _folder.At("data"));

        Assert.Equal(0, code);
        using var packed = PackedFile.Open(_folder.At("out", "pets.volley"));
        Assert.Equal((1, 16, 16, "images"), (packed.Header.Channels, packed.Header.Height, packed.Header.Width, packed.Header.Name));
        Assert.Equal(["pets.volley"], Directory.EnumerateFiles(_folder.At("out")).Select(Path.GetFileName));
        Assert.Equal(0, await RunAsync("info", _folder.At("out", "pets.volley")));
    }

    [Fact]
    public async Task Prepare_GuessesWhatAPathHolds()
    {
        var code = await RunAsync("prepare", DataFolder.FashionSubset, "--data-root", _folder.At("data"));

        Assert.Equal(0, code);
        Assert.Single(Directory.EnumerateFiles(_folder.At("data", "prepared"), "fashion-mnist-*.volley"));
    }

    [Fact]
    public async Task Prepare_ReadsATable()
    {
        SourceKit.WriteFolder(_folder.Root, new() { ["a.png"] = SourceKit.Png(8, 8, 1, 2, 3), ["b.png"] = SourceKit.Png(8, 8, 3, 2, 1) });
        File.WriteAllText(_folder.At("films.csv"), "Id,Genre\na,Drama;Crime\nb,Crime\n");

        var code = await RunAsync("prepare", _folder.At("films.csv"), "--out", _folder.At("films.volley"), "--file-column", "Id", "--label-column", "Genre", "--label-separator", ";");

        Assert.Equal(0, code);
        using var packed = PackedFile.Open(_folder.At("films.volley"));
        Assert.Equal(["Crime", "Drama"], packed.Header.ClassNames);
    }

    [Fact]
    public async Task BadInput_EndsWithCode2()
    {
        File.WriteAllText(_folder.At("text.volley"), "text");

        Assert.Equal(UserErrorException.ExitCode, await RunAsync("prepare", "nosuchset"));
        Assert.Equal(UserErrorException.ExitCode, await RunAsync("info", _folder.At("text.volley")));
        Assert.Equal(UserErrorException.ExitCode, await RunAsync("info", _folder.At("nothing.volley")));
        Assert.Equal(UserErrorException.ExitCode, await RunAsync("info", _folder.Root));
        Assert.Equal(UserErrorException.ExitCode, await RunAsync("prepare", DataFolder.FashionSubset, "--image-size", "7"));
        Assert.Equal(UserErrorException.ExitCode, await RunAsync("prepare", DataFolder.FashionSubset, "--image-size", "many"));
        Assert.Equal(UserErrorException.ExitCode, await RunAsync("prepare", DataFolder.FashionSubset, "--out", "/proc/nothing/x.volley"));
    }

    public void Dispose() => _folder.Dispose();

    private static Task<int> RunAsync(params string[] arguments) => CommandLineHost.RunAsync([DatasetCommand.Create()], ["dataset", .. arguments]);
}
