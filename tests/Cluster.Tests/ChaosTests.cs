using System.Text.Json.Nodes;
using static Volley.Cluster.Tests.ProcessTable;

namespace Volley.Cluster.Tests;

/// <summary><c>volley chaos</c> as people run it: short, with a verdict, and without a trace on the machine.</summary>
[Trait("Category", "Slow")]
public sealed class ChaosTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(6);

    private readonly string _folder = Directory.CreateTempSubdirectory("vc-").FullName;

    private string Out => Path.Combine(_folder, "out");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task EightFaults_ChangeNothingThatCounts()
    {
        await using var chaos = Chaos("--nodes", "3", "--faults", "8", "--seed", "5", "--faults-only",
            "rank-kill,agent-kill,coordinator-kill,agent-term,coordinator-term,checkpoint-corrupt,checkpoint-truncate,rank-pause");
        Assert.True(await chaos.ExitCodeAsync(Patience) == 0, chaos.Output);
        Assert.Contains("The verdict holds", chaos.Output, StringComparison.Ordinal);

        var report = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(Out, "chaos.json"), TestContext.Current.CancellationToken))!;
        Assert.Equal(8, report["faults"]!.AsArray().Select(fault => (string)fault!["kind"]!).Distinct().Count());
        Assert.Equal((string)report["undisturbed"]!["results_digest"]!, (string)report["disturbed"]!["results_digest"]!);
        Assert.True((int)report["disturbed"]!["attempts"]! > (int)report["undisturbed"]!["attempts"]!, "no fault made a new attempt");
        Assert.Contains("| rank-kill |", await File.ReadAllTextAsync(Path.Combine(Out, "report.md"), TestContext.Current.CancellationToken), StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(Out, "report.html")));
        Assert.False(Directory.Exists(Path.Combine(Out, "disturbed", "checkpoints")));
        await NothingIsLeftAsync();
    }

    /// <summary>The same steps as after Ctrl-C, but nobody is there to take them.</summary>
    [Theory]
    [InlineData(SigInt, 130)]
    [InlineData(SigKill, 137)]
    public async Task ARunThatIsEnded_LeavesNothing(int signal, int code)
    {
        await using var chaos = Chaos("--nodes", "2", "--faults", "1", "--faults-only", Environment.IsPrivilegedProcess && File.Exists("/usr/sbin/ip") ? "link-cut" : "rank-kill");
        await UntilAsync(() => Of(_folder, "serve").Count == 1 && Of(_folder, "join").Count == 2, Patience, () => chaos.Output);
        await UntilAsync(() => Directory.Exists(Path.Combine(Out, "undisturbed", "checkpoints", "chaos")), Patience, () => chaos.Output);      // ranks train
        Send(chaos.Pid, signal);
        Assert.Equal(code, await chaos.ExitCodeAsync(TimeSpan.FromMinutes(1)));
        await NothingIsLeftAsync();
        await UntilAsync(() => !Directory.Exists("/run/netns") || !Directory.EnumerateFiles("/run/netns", $"vly{chaos.Pid}-*").Any(), TimeSpan.FromSeconds(20), () => "network namespaces are left");
    }

    public static TheoryData<string[], string> BadInput => new()
    {
        { ["--nodes", "1"], "--nodes: is 1, must be 2 to 20" },
        { ["--faults", "0"], "--faults: is 0" },
        { ["--faults-only", "meteor"], "kinds are rank-kill" },
    };

    [Theory, MemberData(nameof(BadInput))]
    public async Task BadInput_IsOneMessageAndCode2(string[] arguments, string expected)
    {
        await using var chaos = Chaos(arguments);
        Assert.Equal(2, await chaos.ExitCodeAsync(Patience));
        Assert.Contains(expected, chaos.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", chaos.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AFolderWithSomethingInIt_IsRefused()
    {
        Directory.CreateDirectory(Path.Combine(Out, "something"));
        await using var chaos = Chaos("--faults", "1");
        Assert.Equal(2, await chaos.ExitCodeAsync(Patience));
        Assert.Contains("is not empty", chaos.Output, StringComparison.Ordinal);
    }

    private ChildProgram Chaos(params string[] arguments) =>
        ChildProgram.Start(ChildProgram.Volley, ["chaos", .. arguments, "--out", Out, "--data-root", Path.Combine(_folder, "data")]);

    /// <summary>No process, no namespace, no mount, no socket's folder.</summary>
    private async Task NothingIsLeftAsync()
    {
        await UntilAsync(() => Of(_folder).Count == 0, TimeSpan.FromSeconds(20), () => $"processes {string.Join(", ", Of(_folder))} are left");
        Assert.DoesNotContain(_folder, await File.ReadAllTextAsync("/proc/self/mountinfo", TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }
}
