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
        var commands = Commands(await File.ReadAllTextAsync(Path.Combine(SharedFiles.RepositoryRoot, "README.md"), TestContext.Current.CancellationToken));
        _network = new TestNetwork("10.77.0", 1, 2, 3);

        await LeaveRunningAsync(1, Assert.Single(commands, command => command.StartsWith("./volley serve", StringComparison.Ordinal)), "HTTP API at");
        var joins = commands.Where(command => command.StartsWith("./volley join", StringComparison.Ordinal)).ToList();
        for (var i = 0; i < joins.Count; i++) await LeaveRunningAsync(2 + i, joins[i], "has joined");
        Assert.Equal(2, joins.Count);

        // The last block: one shell, from the export to the results.
        var client = commands.SkipWhile(command => !command.StartsWith("export ", StringComparison.Ordinal)).ToList();
        Assert.True(client.Count >= 4, string.Join('\n', client));
        await using var shell = Start(1, $"set -e\n{string.Join('\n', client)}");
        Assert.True(await shell.ExitCodeAsync(Patience) == 0, shell.Output);

        Assert.Contains("alpha", shell.Output, StringComparison.Ordinal);
        Assert.Contains("beta", shell.Output, StringComparison.Ordinal);
        var results = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(MachineFolder(1), "runs", "quickstart-cluster", "results.json"), TestContext.Current.CancellationToken))!;
        var trials = results["trials"]!.AsArray();
        Assert.Equal(4, trials.Count);
        Assert.All(trials, trial => Assert.Equal("finished", (string)trial!["state"]!));
        // Both machines keep checkpoints: their own trials' and copies of the other's.
        foreach (var machine in new[] { 2, 3 })
            Assert.NotEmpty(Directory.EnumerateFiles(Path.Combine(MachineFolder(machine), "volley-checkpoints"), "manifest.json", SearchOption.AllDirectories));
    }

    private static List<string> Commands(string readme)
    {
        var section = readme[readme.IndexOf("## Run it on a cluster", StringComparison.Ordinal)..];
        section = section[..section.IndexOf("\n## ", 4, StringComparison.Ordinal)];
        return [.. CodeBlock().Matches(section).SelectMany(block => block.Groups[1].Value.Split('\n', StringSplitOptions.RemoveEmptyEntries))];
    }

    private async Task LeaveRunningAsync(int host, string command, string isUp)
    {
        var program = Start(host, $"exec {command}");
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
