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
        var found = new AllowedRoots(null, "/data").DirectoryOf(Retire(_directory.Path, relative));
        Assert.Equal(isAllowed ? Path.Combine(_directory.Path, relative) : null, found);
    }

    [Fact]
    public void ALinkOutOfTheRoot_IsNotFollowed()
    {
        Directory.CreateSymbolicLink(Path.Combine(_directory.Path, "link"), "/etc");
        Assert.Null(new AllowedRoots(null, "/data").DirectoryOf(Retire(_directory.Path, "link")));
        Assert.Null(new AllowedRoots(null, "/data").DirectoryOf(Retire(_directory.Path, "link/apt")));
    }

    [Theory]
    [InlineData("/data/checkpoints", true)]
    [InlineData("/data/checkpoints/sweep/0001", true)]
    [InlineData("/data/checkpoints-old", false)]
    [InlineData("/data/checkpoints/../secrets", false)]
    [InlineData("../elsewhere", false)]
    [InlineData("sweep/../0001", false)]
    [InlineData("", false)]
    [InlineData("sweep/0001", true)]
    public void TheAgentsOwnRoot_LimitsWhatTheCoordinatorNames(string root, bool isAllowed)
    {
        var roots = new AllowedRoots("/data/checkpoints", "/tmp");
        Assert.Equal(isAllowed, roots.DirectoryOf(Retire(root, "1.a1")) is not null);
        Assert.Equal(isAllowed, roots.Resolve(Samples.Start() with { CheckpointRoot = root }).Problem is null);
    }

    [Fact]
    public void AResumeFromOutside_IsAProblem() =>
        Assert.Contains("../x", new AllowedRoots(null, "/data").Resolve(Samples.Start() with { CheckpointRoot = "/c", ResumeFrom = [new(1, "../x", "00")] }).Problem);

    [Fact]
    public void RelativePaths_LieUnderTheAgentsRoots()
    {
        var (checkpoints, data) = (Path.Combine(_directory.Path, "checkpoints"), Path.Combine(_directory.Path, "data"));
        var start = Samples.Start() with { CheckpointRoot = "sweep/0007", DataRoot = "", BaseDirectory = "", SpecJson = Spec("sets/flowers") };
        var (resolved, problem) = new AllowedRoots(checkpoints, data).Resolve(start);
        Assert.Null(problem);
        Assert.Equal((Path.Combine(checkpoints, "sweep", "0007"), data, data), (resolved!.CheckpointRoot, resolved.DataRoot, resolved.BaseDirectory));
    }

    [Fact]
    public void ALocalAgent_TakesAbsolutePathsOnly()
    {
        var roots = new AllowedRoots(null, "/data");
        Assert.Contains("is not an absolute path", roots.Resolve(Samples.Start() with { CheckpointRoot = "sweep/0007" }).Problem);
        var start = Samples.Start() with { CheckpointRoot = "/anywhere", BaseDirectory = "/home/me", SpecJson = Spec("../sets") };
        Assert.Equal(start, roots.Resolve(start).Start);
    }

    [Theory]
    [InlineData("sets/flowers", true)]
    [InlineData("inner", true)]                    // a link that stays inside
    [InlineData("not-there-yet", true)]            // the rank says that it is missing
    [InlineData("/etc", false)]
    [InlineData("../secrets", false)]
    [InlineData("sets/../../secrets", false)]
    [InlineData("sets/../sets/flowers", false)]    // harmless, and refused all the same: one rule
    [InlineData("outer", false)]                   // a link that leads out
    [InlineData("outer/passwd", false)]
    [InlineData("sets/chain", false)]              // a link to that link
    public void DataOfASubmittedSweep_LiesUnderTheDataRoot(string path, bool isAllowed)
    {
        var data = Path.Combine(_directory.Path, "data");
        Directory.CreateDirectory(Path.Combine(data, "sets", "flowers"));
        Directory.CreateSymbolicLink(Path.Combine(data, "inner"), Path.Combine(data, "sets"));
        Directory.CreateSymbolicLink(Path.Combine(data, "outer"), "/etc");
        Directory.CreateSymbolicLink(Path.Combine(data, "sets", "chain"), "../outer");
        // The root itself may be reached by a link: that is how operators name their storage.
        var named = Path.Combine(_directory.Path, "named");
        Directory.CreateSymbolicLink(named, data);
        foreach (var root in new[] { data, named })
        {
            var problem = new AllowedRoots("/data/checkpoints", root).Resolve(Samples.Start() with { CheckpointRoot = "s/0001", DataRoot = "", BaseDirectory = "", SpecJson = Spec(path) }).Problem;
            Assert.Equal(isAllowed, problem is null);
            if (!isAllowed) Assert.Contains($"train.dataset.path: '{path}'", problem);
        }
    }

    [Fact]
    public void ALoopOfLinks_IsNotFollowedForEver()
    {
        var data = Path.Combine(_directory.Path, "data");
        Directory.CreateDirectory(data);
        Directory.CreateSymbolicLink(Path.Combine(data, "a"), Path.Combine(data, "b"));
        Directory.CreateSymbolicLink(Path.Combine(data, "b"), Path.Combine(data, "a"));
        Assert.StartsWith(data, RealPaths.Of(Path.Combine(data, "a", "x")));
    }

    private static string Spec(string datasetPath) => $$"""{ "train": { "dataset": { "name": "images", "path": "{{datasetPath}}" } } }""";

    private static RetireCheckpoint Retire(string root, string relative) => new(1, Samples.Trial, 1, root, relative);
}
