using Volley.Coordinator.Cli;
using Volley.Coordinator.Results;
using Volley.Coordinator.Tests.Results;
using Volley.Shared.Cli;

namespace Volley.Coordinator.Tests.Cli;

/// <summary>Exit codes of the verb as a person gets them. What it prints is tested where it is made.</summary>
public sealed class ResultsCommandTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("volley-results-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task Diff_Is0_ForTheSameResults() => Assert.Equal(0, await Run("diff", Written("a", 1), Written("b", 5)));

    [Fact]
    public async Task Diff_Is1_ForOthers()
    {
        var other = SampleResults.Of(change: (number, outcome) => number == 3 ? outcome with { WeightsSha256 = "0" } : outcome);
        ResultsFiles.Write(Path.Combine(_directory, "c"), other);

        Assert.Equal(1, await Run("diff", Written("a", 1), Path.Combine(_directory, "c")));
    }

    [Theory]
    [InlineData("diff")]
    [InlineData("diff", "nowhere", "nowhere")]
    [InlineData("show", "nowhere")]
    [InlineData("shwo", "nowhere")]
    public async Task BadInput_Is2(params string[] arguments) => Assert.Equal(2, await Run(arguments));

    [Fact]
    public async Task Show_Is0() => Assert.Equal(0, await Run("show", Written("a", 1)));

    [Fact]
    public async Task Report_WritesThePageBesideTheResults()
    {
        var path = Written("a", 1);

        Assert.Equal(0, await Run("report", path));
        Assert.True(File.Exists(Path.Combine(path, "report.html")));
    }

    private string Written(string name, double slowness)
    {
        var path = Path.Combine(_directory, name);
        ResultsFiles.Write(path, SampleResults.Of(slowness: slowness));
        return path;
    }

    private static Task<int> Run(params string[] arguments) => CommandLineHost.RunAsync([ResultsCommand.Create()], ["results", .. arguments]);
}
