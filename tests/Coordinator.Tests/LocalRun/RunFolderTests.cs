using Volley.Coordinator.LocalRun;
using Volley.Shared;

namespace Volley.Coordinator.Tests.LocalRun;

public sealed class RunFolderTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("volley-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void ASecondRunInTheSameFolder_IsRefusedWhileTheFirstWorks()
    {
        var path = Path.Combine(_folder, "out");
        using (RunFolder.Open(path))
        {
            var error = Assert.Throws<UserErrorException>(() => RunFolder.Open(path));
            Assert.Contains("another `volley run` works on it", error.Message, StringComparison.Ordinal);
        }
        RunFolder.Open(path).Dispose();
    }

    [Fact]
    public void AFileInTheFoldersPlace_IsAClearError()
    {
        var path = Path.Combine(_folder, "file");
        File.WriteAllText(path, "");
        Assert.Contains(path, Assert.Throws<UserErrorException>(() => RunFolder.Open(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void TheAgentsDirectory_IsShortEnoughForASocket_AndTheSameEachTime()
    {
        var path = Path.Combine(_folder, new string('d', 120));
        string first;
        using (var folder = RunFolder.Open(path)) first = folder.AgentDirectory;
        using (var folder = RunFolder.Open(path)) Assert.Equal(first, folder.AgentDirectory);
        Assert.True(first.Length + "/local/rank.sock".Length < 107, first);
        using var other = RunFolder.Open(Path.Combine(_folder, new string('e', 120)));
        Assert.NotEqual(first, other.AgentDirectory);
    }
}
