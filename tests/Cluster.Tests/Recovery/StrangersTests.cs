using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Volley.Cluster.Tests.Recovery;

/// <summary>Whatever strangers send to the ports and sockets of a machine at work, its rank trains on, politely.</summary>
[Trait("Category", "Slow")]
[Collection(Recoveries.Name)]
public sealed class StrangersTests(OneTrial undisturbed)
{
    private const int Nice = 10;

    [Fact]
    public async Task AHundredMegabytesOfRubbish_OnEveryPort_DisturbNobody()
    {
        await using var cluster = await TestCluster.StartAsync();
        var port = FreePort();
        var agent = await cluster.JoinAsync("n1", "rank.mid-step=stop@60", "--port", port.ToString(CultureInfo.InvariantCulture));
        await cluster.SubmitAsync(OneTrial.Name, OneTrial.Yaml);
        var rank = await cluster.UntilFiredAsync("rank.mid-step");   // it halts, so that it is in the middle when they come
        AllThreadsAreNice(rank);

        await Task.WhenAll(
            SendRubbishAsync(new UnixDomainSocketEndPoint(Path.Combine(cluster.Folder, "run", "n1", "rank.sock"))),
            SendRubbishAsync(new IPEndPoint(IPAddress.Loopback, port)),
            SendRubbishAsync(new IPEndPoint(IPAddress.Loopback, cluster.ClusterPort)));
        ProcessTable.Send(rank, ProcessTable.SigCont);
        var end = await cluster.UntilFinishedAsync(OneTrial.Name);
        undisturbed.EqualsUndisturbed(end);
        Assert.Equal(1, (int)end["attempt"]!);
        Assert.Contains(agent.Pid, ProcessTable.Of(cluster.Folder, "join"));
        Assert.Contains("was refused", agent.Output, StringComparison.Ordinal);
    }

    private static void AllThreadsAreNice(int pid)
    {
        const int niceField = 16;   // counted after the command's closing parenthesis
        var niceness = Directory.EnumerateDirectories($"/proc/{pid}/task")
            .Select(task => File.ReadAllText(Path.Combine(task, "stat")))
            .Select(stat => int.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[niceField], CultureInfo.InvariantCulture)).ToList();
        Assert.True(niceness.Count > 3);
        Assert.All(niceness, nice => Assert.Equal(Nice, nice));
    }

    private static async Task SendRubbishAsync(EndPoint target)
    {
        using var socket = new Socket(target.AddressFamily, SocketType.Stream, target is IPEndPoint ? ProtocolType.Tcp : ProtocolType.Unspecified);
        await socket.ConnectAsync(target, TestContext.Current.CancellationToken);
        var rubbish = new byte[1 << 16];
        new Random(5).NextBytes(rubbish);
        try
        {
            for (var sent = 0; sent < 100 << 20; sent += rubbish.Length) await socket.SendAsync(rubbish, TestContext.Current.CancellationToken);
        }
        catch (SocketException)
        {
            // They hung up.
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
