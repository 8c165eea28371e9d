using System.Text.Json.Nodes;
using Volley.Cluster.Tests.Recovery;
using static Volley.Cluster.Tests.ProcessTable;

namespace Volley.Cluster.Tests.Copies;

/// <summary><c>store: node</c> with real processes and a disk for each agent: nothing of a dead machine is needed.</summary>
[Trait("Category", "Slow")]
[Collection(Recoveries.Name)]
public sealed class NodeStoreTests(OneTrial undisturbed)
{
    private const string Yaml = OneTrial.Yaml + "\ncheckpoint: { store: node }\n";

    [Fact]
    public async Task TheWriterOfEveryCheckpointDies_AndTheTrialGoesOnWithTheCopies()
    {
        await using var cluster = await TestCluster.StartAsync();
        cluster.HasOneDiskPerAgent = true;
        var first = await cluster.JoinAsync("n1");
        await cluster.JoinAsync("n2");
        await cluster.SubmitAsync(OneTrial.Name, Yaml);
        var trial = await cluster.UntilTrialAsync(OneTrial.Name, OneTrial.HasCheckpoint, TinySweep.Patience);
        Assert.Equal("n1", (string)trial["node"]!);
        Assert.All(Holders(trial), holders => Assert.Equal(["n1", "n2"], holders));
        Assert.Null(trial["checkpoint_problem"]);

        await KillAsync(cluster, first, "n1");
        var end = await cluster.UntilFinishedAsync(OneTrial.Name);
        undisturbed.EqualsUndisturbed(end);
        var second = OneTrial.Attempt(end, 2);
        Assert.Equal("n2", (string)second["node"]!);
        Assert.InRange((long)second["start_step"]!, OneTrial.StepsPerEpoch, long.MaxValue);
        // Alone now, it says what that means.
        Assert.Contains("Only n2 has checkpoint", (string)end["checkpoint_problem"]!);
        Assert.Empty(Directory.EnumerateDirectories(cluster.CheckpointsOf("n2"), "*.tmp", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task AnAgentThatHasNone_FetchesTheCopy_BeforeItsRankStarts()
    {
        await using var cluster = await TestCluster.StartAsync();
        cluster.HasOneDiskPerAgent = true;
        var first = await cluster.JoinAsync("n1");
        await cluster.JoinAsync("n2");
        await cluster.SubmitAsync(OneTrial.Name, Yaml);
        await cluster.UntilTrialAsync(OneTrial.Name, OneTrial.HasCheckpoint, TinySweep.Patience);
        await cluster.JoinAsync("n0");       // of equal ones the first by name gets the next attempt
        // Of what n2 holds, the newest is damaged: it is noticed, and the one before it is used.
        await cluster.UntilTrialAsync(OneTrial.Name, now => Holders(now).Count() >= 2, TinySweep.Patience);
        Send(first.Pid, SigStop);            // from here on no newer one is committed
        var trial = await cluster.TrialAsync(OneTrial.Name);
        foreach (var checkpoint in trial!["checkpoints"]!.AsArray().Skip(1)) Damage(Path.Combine(cluster.CheckpointsOf("n2"), OneTrial.Name, "0000", (string)checkpoint!));
        await KillAsync(cluster, first, "n1");

        var end = await cluster.UntilFinishedAsync(OneTrial.Name);
        undisturbed.EqualsUndisturbed(end);
        var second = OneTrial.Attempt(end, 2);
        Assert.Equal("n0", (string)second["node"]!);
        Assert.InRange((long)second["start_step"]!, OneTrial.StepsPerEpoch, long.MaxValue);
        Assert.InRange((int)end["checkpoint_problems"]!, 1, 2);
    }

    private static async Task KillAsync(TestCluster cluster, ChildProgram agent, string name)
    {
        Send(agent.Pid, SigKill);
        await agent.ExitCodeAsync(TinySweep.Patience);
        Directory.Delete(cluster.CheckpointsOf(name), recursive: true);     // its disk with it
    }

    private static IEnumerable<IEnumerable<string>> Holders(JsonNode trial) =>
        trial["checkpoint_holders"] is JsonObject holders ? holders.Select(entry => entry.Value!.AsArray().Select(node => (string)node!)) : [];

    private static void Damage(string checkpoint)
    {
        var path = Path.Combine(checkpoint, "model.safetensors");
        var bytes = File.ReadAllBytes(path);
        bytes[^1] ^= 1;
        File.WriteAllBytes(path, bytes);
    }
}
