using System.Text.Json.Nodes;
using Volley.TestKit;

namespace Volley.Cluster.Tests;

/// <summary>A coordinator and two agents, each in a network namespace of its own, and links that are cut past the failure detector and come back.</summary>
[Trait("Category", "Slow")]
public sealed class NetworkNamespaceTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(6);

    private readonly string _folder = Directory.CreateTempSubdirectory("vc-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task CutLinks_ChangeNothingThatCounts()
    {
        if (!Environment.IsPrivilegedProcess || !new[] { "/sbin/ip", "/usr/sbin/ip", "/bin/ip", "/usr/bin/ip" }.Any(File.Exists))
            SharedFiles.SkipOrFail("Network namespaces need root and `ip` (Debian: iproute2).");
        var output = Path.Combine(_folder, "out");
        await using var chaos = ChildProgram.Start(
            ChildProgram.Volley, "chaos", "--nodes", "2", "--faults", "3", "--seed", "4", "--faults-only", "link-cut", "--out", output, "--data-root", Path.Combine(_folder, "data"));
        Assert.True(await chaos.ExitCodeAsync(Patience) == 0, chaos.Output);

        var report = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(output, "chaos.json"), TestContext.Current.CancellationToken))!;
        Assert.Equal("network namespaces", (string)report["network"]!);
        Assert.Equal((string)report["undisturbed"]!["results_digest"]!, (string)report["disturbed"]!["results_digest"]!);
        Assert.Contains(report["faults"]!.AsArray(), fault => (double)fault!["hold_seconds"]! > 7 && fault["trials"]!.AsArray().Any(trial => (int?)trial!["attempt_after"] > (int)trial["attempt"]!));
        Assert.Empty(Directory.Exists("/run/netns") ? Directory.EnumerateFiles("/run/netns", $"vly{chaos.Pid}*") : []);
        Assert.Empty(ProcessTable.Of(_folder));
    }
}
