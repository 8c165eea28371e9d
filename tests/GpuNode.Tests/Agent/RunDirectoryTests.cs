using Volley.GpuNode.Agent;
using Volley.GpuNode.Link;
using Volley.GpuNode.Tests.Link;
using Volley.Shared;

namespace Volley.GpuNode.Tests.Agent;

public sealed class RunDirectoryTests : IDisposable
{
    private readonly ShortDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void IsForItsOwnerAlone_AndLeavesNothing()
    {
        var root = Path.Combine(_directory.Path, "run");
        using (var directory = RunDirectory.Open(root, "n1"))
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(directory.Path));
        Assert.False(Directory.Exists(root));
    }

    [Fact]
    public void APathTooLongForASocket_IsAnErrorWithBothLengths_BeforeAnythingIsMade()
    {
        var root = Path.Combine(_directory.Path, new string('x', 100));
        var error = Assert.Throws<UserErrorException>(() => RunDirectory.Open(root, "n1"));
        Assert.Contains($"Linux allows {SocketPath.MaxBytes}", error.Message);
        Assert.Contains("--run-dir", error.Message);
        Assert.False(Directory.Exists(root));
    }

    [Theory]
    [InlineData(107, true)]
    [InlineData(108, false)]
    public void ThePathsLength_IsCountedInBytes(int bytes, bool fits)
    {
        const string File = "/rank.sock";
        var directory = "/é" + new string('x', bytes - File.Length - 3);   // é: two bytes
        if (fits) Assert.Equal(bytes, System.Text.Encoding.UTF8.GetByteCount(SocketPath.In(directory)));
        else Assert.Throws<UserErrorException>(() => SocketPath.In(directory));
    }

    [Fact]
    public void TwoAgentsOfOneName_AreRefused_TwoNamesAreNot()
    {
        using var first = RunDirectory.Open(_directory.Path, "n1");
        using var other = RunDirectory.Open(_directory.Path, "n2");
        var error = Assert.Throws<UserErrorException>(() => RunDirectory.Open(_directory.Path, "n1"));
        Assert.Contains("An agent named n1 runs on this machine already", error.Message);
    }

    [Fact]
    public void AFileInTheWay_IsAClearError()
    {
        var path = Path.Combine(_directory.Path, "file");
        File.WriteAllText(path, "");
        Assert.Contains("--run-dir", Assert.Throws<UserErrorException>(() => RunDirectory.Open(path, "n1")).Message);
    }
}
