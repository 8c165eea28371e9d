using static Volley.Cluster.Tests.ProcessTable;

namespace Volley.Cluster.Tests;

/// <summary>The verbs of an agent as a person or a parent meets them, without a coordinator.</summary>
public sealed class NodeVerbTests : IDisposable
{
    // Nobody listens on port 1.
    private const string NoCoordinator = "akka.tcp://volley@127.0.0.1:1";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly string _folder = Directory.CreateTempSubdirectory("vc-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    public static TheoryData<string[], string> BadJoins => new()
    {
        { ["--seed", "127.0.0.1:4053"], "akka.tcp://volley@10.0.0.1:4053" },
        { ["--seed", "akka.tcp://other@127.0.0.1:4053"], "akka.tcp://volley@10.0.0.1:4053" },
        { ["--name", "n1"], "--coordinator" },
        { ["--coordinator", "10.0.0.1"], "10.0.0.1:7070" },
        { ["--coordinator", "http://x:1/path"], "10.0.0.1:7070" },
        { ["--coordinator", "127.0.0.1:1", "--seed", NoCoordinator], "give one of them" },
        { ["--coordinator", "127.0.0.1:1", "--cluster-name", "Not A Name"], "--cluster-name" },
        { ["--seed", NoCoordinator, "--name", "Not A Name"], "--name" },
        { ["--seed", NoCoordinator, "--slots", "0"], "must be at least 1" },
        { ["--seed", NoCoordinator, "--device", "tpu"], "auto, cpu or cuda" },
        { ["--seed", NoCoordinator, "--port", "70000"], "65535" },
        { ["--seed", NoCoordinator, "--run-dir", "/tmp/" + new string('x', 120)], "Linux allows 107" },
        { ["--seed", NoCoordinator, "--parent-pid", "1073741824"], "is not its parent" },
    };

    [Theory]
    [MemberData(nameof(BadJoins))]
    public async Task ABadJoin_IsOneMessageAndCode2(string[] arguments, string expected)
    {
        string[] directories = ["--log-dir", Path.Combine(_folder, "logs"), .. arguments.Contains("--run-dir") ? (string[])[] : ["--run-dir", Path.Combine(_folder, "run")]];
        await using var join = ChildProgram.Start(ChildProgram.VolleyNode, ["join", .. arguments, .. directories]);
        Assert.Equal(2, await join.ExitCodeAsync(Patience));
        Assert.Contains(expected, join.Output);
        Assert.DoesNotContain("   at ", join.Output);
    }

    [Fact]
    public async Task ARankTypedByHand_SaysWhoStartsRanks()
    {
        await using var agent = ChildProgram.Start("/bin/sh", "-c", $"{ChildProgram.VolleyNode} rank --socket {_folder}/s --sweep s --trial 1 --attempt 1 --rank 0 --device cpu --parent-pid $$ </dev/null; exit $?");
        Assert.Equal(2, await agent.ExitCodeAsync(Patience));
        Assert.Contains("volley train FILE.yaml", agent.Output);
    }

    [Fact]
    public async Task AnAgentWithoutACoordinator_KeepsTrying_AndSaysSo_AndLeavesOnSigterm()
    {
        await using var join = ChildProgram.Start(ChildProgram.VolleyNode, Join());
        await join.LineAsync(line => line.Contains("No coordinator has answered", StringComparison.Ordinal), Patience);
        Send(join.Pid, SigTerm);
        Assert.Equal(0, await join.ExitCodeAsync(TimeSpan.FromSeconds(20)));
        Assert.False(Directory.Exists(Path.Combine(_folder, "run")));
    }

    [Fact]
    public async Task ASecondAgentOfTheSameName_IsRefused()
    {
        await using var first = ChildProgram.Start(ChildProgram.VolleyNode, Join());
        await UntilAsync(() => File.Exists(Path.Combine(_folder, "run", "n1", "rank.sock")), Patience, () => first.Output);
        await using var second = ChildProgram.Start(ChildProgram.VolleyNode, Join());
        Assert.Equal(2, await second.ExitCodeAsync(Patience));
        Assert.Contains("An agent named n1 runs on this machine already", second.Output);
    }

    [Fact]
    public async Task ALocalAgent_EndsWithItsParent_AndCleansUp()
    {
        await using var parent = ChildProgram.Start("/bin/sh", "-c", $"{ChildProgram.VolleyNode} {string.Join(' ', Join())} --parent-pid $$ & wait");
        await UntilAsync(() => File.Exists(Path.Combine(_folder, "run", "n1", "rank.sock")), Patience, () => parent.Output);
        var agent = Assert.Single(Of(_folder, "join"));
        Send(parent.Pid, SigKill);
        await UntilAsync(() => !Of(_folder, "join").Contains(agent), TimeSpan.FromSeconds(10), () => "the agent outlives its parent");
        Assert.False(Directory.Exists(Path.Combine(_folder, "run")));
    }

    private string[] Join() =>
        ["join", "--seed", NoCoordinator, "--name", "n1", "--device", "cpu", "--slots", "1", "--run-dir", Path.Combine(_folder, "run"), "--log-dir", Path.Combine(_folder, "logs")];
}
