using System.Xml.Linq;
using Volley.TestKit;

namespace Volley.Architecture.Tests;

/// <summary>Who may reference whom (STYLE §2): Shared ◄ Models ◄ GpuNode, Shared ◄ Coordinator.</summary>
public sealed class ProjectReferenceTests
{
    private static readonly string Source = Path.Combine(SharedFiles.RepositoryRoot, "src");

    [Theory]
    [InlineData("Shared", new string[0])]
    [InlineData("Models", new[] { "Shared" })]
    [InlineData("GpuNode", new[] { "Models" })]
    [InlineData("Coordinator", new[] { "Shared" })]
    public void AProject_ReferencesOnlyWhatStandsLeftOfIt(string project, string[] allowed)
    {
        var referenced = Elements(project, "ProjectReference").Select(include => Path.GetFileNameWithoutExtension(include));

        Assert.Equal(allowed, referenced);
    }

    [Theory]
    [InlineData("Coordinator")]
    [InlineData("Shared")]
    public void AProjectThatNeverLoadsLibtorch_ReferencesNoTorchPackage(string project) =>
        Assert.DoesNotContain(Elements(project, "PackageReference"), package => package.Contains("torch", StringComparison.OrdinalIgnoreCase));

    [Fact]
    public void TheSolution_HoldsEveryProject()
    {
        var solution = File.ReadAllText(Path.Combine(SharedFiles.RepositoryRoot, "Distributed.sln"));
        var projects = new[] { "src", "tests" }
            .SelectMany(folder => Directory.EnumerateFiles(Path.Combine(SharedFiles.RepositoryRoot, folder), "*.csproj", SearchOption.AllDirectories))
            .Select(Path.GetFileName);

        Assert.All(projects, project => Assert.Contains(project!, solution, StringComparison.Ordinal));
    }

    private static IEnumerable<string> Elements(string project, string element) =>
        XDocument.Load(Path.Combine(Source, project, $"{project}.csproj")).Descendants(element).Select(found => found.Attribute("Include")!.Value);
}
