using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;
using static Volley.Cluster.Tests.ProcessTable;

namespace Volley.Cluster.Tests;

/// <summary>A coordinator that dies costs no training: the agent keeps its ranks, buffers what they report, and finds the successor.</summary>
[Trait("Category", "Slow")]
[Collection(WholeSweeps.Name)]
public sealed class CoordinatorRestartTests(UndisturbedRun undisturbed)
{
    // Measured 3 to 6 s on two cores that the ranks keep busy; the old way, by Akka's failure detector, took 15 to 30.
    private static readonly TimeSpan RejoinLimit = TimeSpan.FromSeconds(12);

    [Fact]
    public async Task RanksGoOn_WhileTheCoordinatorIsKilledAndStartedAgain()
    {
        await using var sweep = new TinySweep();
        var (http, cluster) = (FreePort(), FreePort());
        using var client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{http}") };
        ChildProgram Serve() => ChildProgram.Start(
            ChildProgram.Volley, "serve", "--data", Path.Combine(sweep.Folder, "data"), "--http", $"127.0.0.1:{http}", "--cluster", $"127.0.0.1:{cluster}");

        await using var first = Serve();
        await first.LineAsync(line => line.Contains("HTTP API", StringComparison.Ordinal), TinySweep.Patience);
        await using var agent = ChildProgram.Start(
            ChildProgram.VolleyNode, "join", "--coordinator", $"127.0.0.1:{http}", "--name", "n1", "--slots", "2", "--device", "cpu",
            "--run-dir", Path.Combine(sweep.Folder, "run"), "--data-root", Path.Combine(sweep.Folder, "cache"), "--log-dir", Path.Combine(sweep.Folder, "logs"),
            "--checkpoint-root", Path.Combine(sweep.Out, "checkpoints"));
        await agent.LineAsync(line => line.Contains("n1 has joined", StringComparison.Ordinal), TinySweep.Patience);
        await SubmitAsync(client, sweep);
        await UntilAsync(() => Directory.Exists(Path.Combine(sweep.Out, "checkpoints", "tiny", "0000")), TinySweep.Patience, () => agent.Output);
        var ranks = Of(sweep.Folder, "rank");
        Assert.Equal(2, ranks.Count);

        Send(first.Pid, SigKill);
        await first.ExitCodeAsync(TinySweep.Patience);
        var killed = TimeProvider.System.GetTimestamp();
        await using var second = Serve();
        await second.LineAsync(line => line.Contains("HTTP API", StringComparison.Ordinal), TinySweep.Patience);
        await AdoptedAsync(client, agent);
        Assert.True(TimeProvider.System.GetElapsedTime(killed) < RejoinLimit, $"{TimeProvider.System.GetElapsedTime(killed)} from the kill until a running rank was adopted");
        Assert.Subset(ranks.ToHashSet(), Of(sweep.Folder, "rank").ToHashSet());   // the same processes, as far as they have not finished

        await UntilFinishedAsync(client, agent);
        Assert.Equal(undisturbed.FinalWeights, sweep.FinalWeights(Path.Combine("checkpoints", "tiny")));
        Assert.All(Directory.EnumerateDirectories(Path.Combine(sweep.Out, "checkpoints"), "*.a*", SearchOption.AllDirectories), path => Assert.EndsWith(".a1", path));
    }

    /// <summary>A rank that ran before is known by its process again, or everything has finished meanwhile.</summary>
    private static async Task AdoptedAsync(HttpClient client, ChildProgram agent)
    {
        using var ticks = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        deadline.CancelAfter(TinySweep.Patience);
        try
        {
            while (true)
            {
                var answer = await client.GetAsync("/api/v1/sweeps/tiny?changed_since=-1", deadline.Token);
                if (answer.IsSuccessStatusCode)
                {
                    using var view = JsonDocument.Parse(await answer.Content.ReadAsStringAsync(deadline.Token));
                    if (view.RootElement.GetProperty("state").GetString() == "finished"
                        || view.RootElement.GetProperty("changed").EnumerateArray().Any(trial => trial.GetProperty("ranks").EnumerateArray().Any(rank => rank.TryGetProperty("pid", out _)))) return;
                }
                await ticks.WaitForNextTickAsync(deadline.Token);
            }
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"No rank was adopted. The agent:\n{agent.Output}");
        }
    }

    private static async Task SubmitAsync(HttpClient client, TinySweep sweep)
    {
        var request = new { name = "tiny", file_name = "tiny.yaml", text = TinySweep.Yaml };
        HttpResponseMessage answer;
        do answer = await client.PostAsJsonAsync("/api/v1/sweeps", request, TestContext.Current.CancellationToken);
        while (answer.StatusCode == HttpStatusCode.ServiceUnavailable);   // still recovering: each try waits inside the coordinator
        Assert.True(answer.StatusCode is HttpStatusCode.Created or HttpStatusCode.OK, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    private static async Task UntilFinishedAsync(HttpClient client, ChildProgram agent)
    {
        using var ticks = new PeriodicTimer(TimeSpan.FromMilliseconds(500));
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        deadline.CancelAfter(TinySweep.Patience);
        var last = "";
        try
        {
            do
            {
                var response = await client.GetAsync("/api/v1/sweeps/tiny", deadline.Token);
                last = await response.Content.ReadAsStringAsync(deadline.Token);
                if (response.IsSuccessStatusCode && JsonDocument.Parse(last).RootElement.GetProperty("state").GetString() == "finished") return;
            }
            while (await ticks.WaitForNextTickAsync(deadline.Token));
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"The sweep did not finish. The coordinator: {last}\nThe agent:\n{agent.Output}");
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
