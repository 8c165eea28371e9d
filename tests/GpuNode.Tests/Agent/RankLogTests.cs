using System.Text;
using Volley.GpuNode.Agent;
using Volley.GpuNode.Tests.Link;

namespace Volley.GpuNode.Tests.Agent;

public sealed class RankLogTests : IDisposable
{
    private readonly ShortDirectory _directory = new();

    private string LogPath => Path.Combine(_directory.Path, "sweep", "0001.a1.r0.log");

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task CannotFillTheDisk_AndKeepsTheLastLines()
    {
        const int Limit = 10_000;
        using var log = new RankLog(LogPath, TimeProvider.System, Limit);
        var output = new MemoryStream(Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, 5000).Select(i => $"line {i}\n")) + "no newline at the end"));
        await log.DrainAsync(output);
        Assert.InRange(Directory.EnumerateFiles(Path.GetDirectoryName(LogPath)!).Sum(file => new FileInfo(file).Length), 1, 2 * Limit);
        Assert.Equal("no newline at the end", log.LastLines[^1]);
        Assert.Equal("line 4999", log.LastLines[^2]);
        Assert.EndsWith("no newline at the end\n", await File.ReadAllTextAsync(LogPath, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task AnEndlessLine_IsCut_NotCollected()
    {
        using var log = new RankLog(LogPath, TimeProvider.System);
        await log.DrainAsync(new MemoryStream(Encoding.UTF8.GetBytes(new string('x', 1_000_000) + "\nnext\n")));
        Assert.InRange(log.LastLines[0].Length, 4000, 5000);
        Assert.Equal("next", log.LastLines[1]);
    }

    [Fact]
    public async Task CharactersSplitOverReads_AndCarriageReturns_SurviveTheWay()
    {
        using var log = new RankLog(LogPath, TimeProvider.System);
        await log.DrainAsync(new MemoryStream(Encoding.UTF8.GetBytes(new string('é', 5000) + "\r\nü\r\n")));   // 8,192 bytes per read: one é is cut
        Assert.DoesNotContain('\uFFFD', log.LastLines[0]);
        Assert.Equal("ü", log.LastLines[1]);
    }
}
