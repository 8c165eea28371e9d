using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Volley.TestKit;

namespace Volley.Cluster.Tests;

/// <summary>"Run it on a cluster" of the README, word for word: each of its machines is a network namespace with the README's address and a folder of its own.</summary>
[Trait("Category", "Slow")]
public sealed partial class ReadmeClusterTests : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private readonly string _folder = Directory.CreateTempSubdirectory("vc-").FullName;
    private readonly List<ChildProgram> _left = [];
    private TestNetwork? _network;

    public async ValueTask DisposeAsync()
    {
        foreach (var program in _left) ProcessTable.TrySend(program.Pid, ProcessTable.SigTerm);
        foreach (var program in _left) await program.DisposeAsync();
        await ProcessTable.UntilAsync(() => ProcessTable.Of(_folder).Count == 0, TimeSpan.FromSeconds(20), () => "programs are left");
        _network?.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task TheReadmesCommands_RunASweepOnThreeMachines()
    {
        var blocks = CodeBlocks(await File.ReadAllTextAsync(Path.Combine(SharedFiles.RepositoryRoot, "README.md"), TestContext.Current.CancellationToken));
        _network = new TestNetwork("10.77.0", 1, 2, 3);

        Assert.Equal(4, blocks.Count);
        await LeaveRunningAsync(1, blocks[0], "./volley serve", "HTTP API at");
        await LeaveRunningAsync(2, blocks[1], "./volley join", "has joined");
        await LeaveRunningAsync(3, blocks[2], "./volley join", "has joined");
        await using var shell = Start(1, $"set -e\n{blocks[3]}");
        Assert.True(await shell.ExitCodeAsync(Patience) == 0, shell.Output);

        Assert.Contains("alpha", shell.Output, StringComparison.Ordinal);
        Assert.Contains("beta", shell.Output, StringComparison.Ordinal);
        var results = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(MachineFolder(1), "runs", "quickstart-cluster", "results.json"), TestContext.Current.CancellationToken))!;
        var trials = results["trials"]!.AsArray();
        Assert.Equal(4, trials.Count);
        Assert.All(trials, trial => Assert.Equal("finished", (string)trial!["state"]!));
        // Both machines keep checkpoints: their own trials' and copies of the other's.
        foreach (var machine in new[] { 2, 3 })
            Assert.NotEmpty(Directory.EnumerateFiles(Path.Combine(MachineFolder(machine), "volley-node", "checkpoints"), "manifest.json", SearchOption.AllDirectories));
    }

    private static List<string> CodeBlocks(string readme)
    {
        var section = readme[readme.IndexOf("## Run it on a cluster", StringComparison.Ordinal)..];
        section = section[..section.IndexOf("\n## ", 4, StringComparison.Ordinal)];
        return [.. CodeBlock().Matches(section).Select(block => block.Groups[1].Value)];
    }

    private async Task LeaveRunningAsync(int host, string block, string verb, string isUp)
    {
        Assert.Contains(verb, block, StringComparison.Ordinal);
        // The shell becomes the program, so that signals reach it.
        var program = Start(host, $"set -e\n{block.Replace(verb, $"exec {verb}", StringComparison.Ordinal)}");
        _left.Add(program);
        await program.LineAsync(line => line.Contains(isUp, StringComparison.Ordinal), Patience);
    }

    /// <summary>In the machine's folder, which has the project's programs and examples as a checkout has.</summary>
    private ChildProgram Start(int host, string script)
    {
        var folder = MachineFolder(host);
        if (!Directory.Exists(folder))
        {
            Directory.CreateDirectory(folder);
            foreach (var part in new[] { "volley", "examples" })
                File.CreateSymbolicLink(Path.Combine(folder, part), Path.Combine(SharedFiles.RepositoryRoot, part));
        }
        var command = _network!.On(host);
        var home = new Dictionary<string, string> { ["HOME"] = folder, ["XDG_RUNTIME_DIR"] = Directory.CreateDirectory(Path.Combine(folder, "run")).FullName, ["XDG_STATE_HOME"] = Path.Combine(folder, "state") };
        return ChildProgram.Start(command[0], home, [.. command[1..], "bash", "-c", $"cd {folder} && {script}"]);
    }

    private string MachineFolder(int host) => Path.Combine(_folder, $"{host}");

    [GeneratedRegex("^```\\n(.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex CodeBlock();
}
