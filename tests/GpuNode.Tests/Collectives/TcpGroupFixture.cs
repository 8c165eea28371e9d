using System.Net;
using System.Security.Cryptography;
using Volley.GpuNode.Collectives;
using Volley.GpuNode.Collectives.Transport;

namespace Volley.GpuNode.Tests.Collectives;

/// <summary>Groups over sockets on loopback, their ranks in one process.</summary>
internal static class TcpGroupFixture
{
    /// <summary>The limits of the real thing, but that what is going to fail fails soon.</summary>
    public static GroupTimeouts Timeouts { get; } = GroupTimeouts.Default with { Form = TimeSpan.FromSeconds(20) };

    public static GroupDescription Describe(IReadOnlyList<GroupListener> listeners, int? shards = null, int attempt = 1) => new(
        "trial-7", attempt, [.. listeners.Select((listener, rank) => new GroupMember(rank, $"machine-{rank}", listener.Host, listener.Port, Step: 0))],
        shards ?? listeners.Count, "plan-a", RandomNumberGenerator.GetBytes(32));

    public static GroupListener[] Listen(int count, GroupTimeouts? timeouts = null, IPAddress? address = null) =>
        [.. Enumerable.Range(0, count).Select(_ => new GroupListener(address ?? IPAddress.Loopback, timeouts: timeouts ?? Timeouts))];

    /// <summary>All connected; listeners are closed, as nobody else is awaited.</summary>
    public static TcpCollective[] Create(ShardAssignment shards) => Create(shards, Timeouts);

    public static TcpCollective[] Create(ShardAssignment shards, GroupTimeouts timeouts, IPAddress? address = null)
    {
        var listeners = Listen(shards.WorldSize, timeouts, address);
        var group = Describe(listeners, shards.Shards);
        var ranks = Form(group, (position, cancel) => TcpCollective.Connect(group, position, listeners[position], timeouts, cancel: cancel));
        foreach (var listener in listeners) listener.Dispose();
        return ranks;
    }

    /// <summary>What each rank does to become one of the group, side by side.</summary>
    public static T[] Form<T>(GroupDescription group, Func<int, CancellationToken, T> connect)
    {
        var tasks = Enumerable.Range(0, group.WorldSize)
            .Select(position => Task.Factory.StartNew(() => connect(position, TestContext.Current.CancellationToken), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)).ToArray();
        Task.WaitAll(tasks, TestContext.Current.CancellationToken);
        return [.. tasks.Select(task => task.Result)];
    }
}
