using System.Net.Sockets;
using Akka.Actor;
using Akka.Cluster;

namespace Volley.Coordinator.Hosting;

/// <summary>How a coordinator becomes a member. Alone, it joins itself. Of three, it joins the others where they are a cluster already.</summary>
/// <remarks>
/// Akka lets the first of the list found a cluster when nobody answers. Cut off from the other two it would then act beside them, on the same
/// journal. So the first waits until it reaches one of them: two of three are the majority without which no coordinator may act.
/// </remarks>
internal static class CoordinatorJoin
{
    private static readonly TimeSpan LookPeriod = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan TellPeriod = TimeSpan.FromSeconds(10);

    /// <param name="seeds">Cluster addresses of all coordinators; one: alone.</param>
    public static async Task RunAsync(Cluster cluster, IReadOnlyList<Address> seeds, Action<string> tell, TimeProvider clock, CancellationToken stop)
    {
        if (seeds.Count == 1)
        {
            await cluster.JoinAsync(cluster.SelfAddress, stop);
            return;
        }
        var others = seeds.Where(seed => seed != cluster.SelfAddress).ToList();
        using var telling = clock.CreateTimer(
            _ => tell($"Waiting for the other coordinators, {string.Join(" and ", others.Select(other => $"{other.Host}:{other.Port}"))}: two of three must be up before one acts."), null, TellPeriod, TellPeriod);
        if (seeds[0] == cluster.SelfAddress)
            while (!(await Task.WhenAll(others.Select(other => AnswersAsync(other, stop)))).Any(answers => answers))
                await Task.Delay(LookPeriod, clock, stop);
        await cluster.JoinSeedNodesAsync(seeds, stop);
    }

    private static async Task<bool> AnswersAsync(Address address, CancellationToken stop)
    {
        using var socket = new TcpClient();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(ConnectTimeout);
        try
        {
            await socket.ConnectAsync(address.Host!, address.Port!.Value, limit.Token);
            return true;
        }
        catch (Exception error) when (error is SocketException || (error is OperationCanceledException && !stop.IsCancellationRequested))
        {
            return false;
        }
    }
}
