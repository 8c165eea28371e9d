using Volley.GpuNode.Agent;
using Volley.GpuNode.Tests.Link;
using Volley.Shared.Messages;

namespace Volley.GpuNode.Tests.Agent;

public sealed class AllowedRootsTests : IDisposable
{
    private readonly ShortDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("120.a1", true)]
    [InlineData("trial/120.a1", true)]
    [InlineData("", false)]
    [InlineData(".", false)]
    [InlineData("..", false)]
    [InlineData("../other", false)]
    [InlineData("a/../../other", false)]
    [InlineData("/etc", false)]
    public void OnlyWhatIsStrictlyBelowItsRoot_IsDeleted(string relative, bool isAllowed)
    {
        var found = new AllowedRoots(null).DirectoryOf(Retire(_directory.Path, relative));
        Assert.Equal(isAllowed ? Path.Combine(_directory.Path, relative) : null, found);
    }

    [Fact]
    public void ALinkOutOfTheRoot_IsNotFollowed()
    {
        Directory.CreateSymbolicLink(Path.Combine(_directory.Path, "link"), "/etc");
        Assert.Null(new AllowedRoots(null).DirectoryOf(Retire(_directory.Path, "link")));
        Assert.Null(new AllowedRoots(null).DirectoryOf(Retire(_directory.Path, "link/apt")));
    }

    [Theory]
    [InlineData("/data/checkpoints", true)]
    [InlineData("/data/checkpoints/sweep/0001", true)]
    [InlineData("/data/checkpoints-old", false)]
    [InlineData("/data/checkpoints/../secrets", false)]
    [InlineData("relative", false)]
    public void TheAgentsOwnRoot_LimitsWhatTheCoordinatorNames(string root, bool isAllowed)
    {
        var roots = new AllowedRoots("/data/checkpoints");
        Assert.Equal(isAllowed, roots.DirectoryOf(Retire(root, "1.a1")) is not null);
        Assert.Equal(isAllowed, roots.Problem(Samples.Start() with { CheckpointRoot = root }) is null);
    }

    [Fact]
    public void AResumeFromOutside_IsAProblem() =>
        Assert.Contains("../x", new AllowedRoots(null).Problem(Samples.Start() with { CheckpointRoot = "/c", ResumeFrom = [new(1, "../x", "00")] }));

    private static RetireCheckpoint Retire(string root, string relative) => new(1, Samples.Trial, 1, root, relative);
}
